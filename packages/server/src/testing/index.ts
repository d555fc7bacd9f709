export type { TestCaptureOptions, TestFailure, TestGap } from "./capture-source.js";
export { memorySource } from "./memory-source.js";
export { retrievalPlan } from "./retrieval-plan.js";
export type { TestSensor, TestSensorOptions } from "./test-sensor.js";
export { startTestSensor } from "./test-sensor.js";
