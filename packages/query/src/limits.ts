/**
 * Most UTF-16 code units of a filter, as given and as printed: 64 KiB, room for some two thousand hosts.
 *
 * With the window added it still fits one argument of a Linux command line (128 KiB), which is how it gets to stenoread.
 */
export const maxFilterLength = 65_536;
