export { memorySource } from "./memory-source.js";
export type { TestSensor, TestSensorOptions } from "./test-sensor.js";
export { startTestSensor } from "./test-sensor.js";
