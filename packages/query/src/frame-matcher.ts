/**
 * Whether a captured frame passes the filter.
 *
 * The frame lies in `bytes` from `frameOffset` and is `capturedLength` bytes long; `seconds` and `nanoseconds` are its
 * time since 1970 UTC. Not reentrant, and allocates nothing.
 */
export type FrameMatcher = (
  bytes: Uint8Array,
  frameOffset: number,
  capturedLength: number,
  originalLength: number,
  seconds: number,
  nanoseconds: number,
) => boolean;
