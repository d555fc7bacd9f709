export type { DescribeSensorOptions, StenographerClient } from "./client.js";
export { type ClientOptions, createStenographerClient } from "./create-client.js";
export type { FetchPcapOptions, FilterText } from "./fetch-options.js";
export type { FetchResult, StoppedByLimit, Verdict, Verification } from "./fetch-result.js";
export type { PcapFetch } from "./pcap-fetch.js";
export type { SensorDescription, SensorLimits } from "./sensor-description.js";
export {
  type FilterProblemDetail,
  StenographerError,
  type StenographerErrorCode,
  type StenographerErrorFields,
} from "./stenographer-error.js";
export type { TimeInput } from "./time.js";
// What only our packages need.
export { parseTime } from "./time.js";
