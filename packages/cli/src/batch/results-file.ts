/** Where a batch says what came of its rows, beside its captures. */
export const resultsFile = "results.csv";
