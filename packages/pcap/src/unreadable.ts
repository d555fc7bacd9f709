import { CaptureError } from "./capture-error.js";

/** A record that says it is longer than any. `offset` is its header's, in bytes from the start of the stream. */
export function corruptLength(
  offset: number,
  packet: number,
  capturedLength: number,
  maximum: number,
): CaptureError {
  return new CaptureError(
    "corrupt",
    offset,
    `corrupt record at byte ${offset}: capture length ${capturedLength} of packet ${packet} is over ${maximum}`,
  );
}

/** A stream that begins with none of the magic numbers known. `start` is its first four bytes or more. */
export function unknownFormat(start: Uint8Array): CaptureError {
  const magic = Array.from(start.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
  const hint =
    magic[0] === "1f" && magic[1] === "8b" ? "gzip; decompress it first" : "neither pcap nor pcapng";
  return new CaptureError("unknown-format", 0, `not a capture: it starts with ${magic.join(" ")} (${hint})`);
}
