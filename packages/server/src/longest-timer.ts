/** The longest that a timer can wait, in milliseconds: 24.8 days. One that is given more fires at once. */
export const longestTimerMs = 2_147_483_647;
