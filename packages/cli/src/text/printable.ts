/** Text from elsewhere, fit for a terminal: control characters, which could move the cursor or more, become U+FFFD. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\uFFFD");
}
