/**
 * Most UTF-16 code units of a filter, as given and as printed: 64 KiB, room for some two thousand hosts.
 *
 * With the window added it still fits one argument of a Linux command line (128 KiB), which is how it gets to stenoread.
 */
export const maxFilterLength = 65_536;

/**
 * Most comparisons that a filter in the pcap-filter language may take for a packet: a millisecond, at worst.
 *
 * Lists of hosts and ports are looked up in tables, and take as many as one. Nothing that makes sense comes near it: two thousand hosts of
 * IPv6, one compared after the other, count as 18,000, and two thousand pairs of a host and a port as 70,000.
 */
export const maxComparisons = 100_000;
