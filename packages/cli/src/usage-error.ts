/** What the user wrote cannot work: an argument, an option, a file of settings. The message is for the terminal. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
