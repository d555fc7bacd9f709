export { nearest } from "./nearest.js";
export { OptionsError, parseOptions } from "./parse-options.js";
export { strictOptions } from "./strict-options.js";
