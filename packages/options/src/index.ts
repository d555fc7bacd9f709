export { nearest } from "./nearest.js";
export { type OptionProblem, OptionsError, optionsError, parseOptions } from "./parse-options.js";
export { strictOptions } from "./strict-options.js";
