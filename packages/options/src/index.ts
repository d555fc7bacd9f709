export { isPemText } from "./is-pem-text.js";
export { nearest } from "./nearest.js";
export { type OptionProblem, OptionsError, optionsError, parseOptions } from "./parse-options.js";
export { type Same, sameType } from "./same-type.js";
export { strictOptions } from "./strict-options.js";
