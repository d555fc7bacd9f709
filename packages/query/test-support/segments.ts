import { bytes } from "./bytes.js";

/** A TCP segment of a header alone, a SYN; ports as hexadecimal fields: `tcpSyn("c0 00", "00 50")`. */
export function tcpSyn(sourcePort: string, destinationPort: string): Uint8Array {
  return bytes(
    sourcePort,
    destinationPort,
    "00 00 00 01", // sequence
    "00 00 00 00", // acknowledgement
    "50 02", // header of 20 bytes, SYN
    "ff ff", // window
    "00 00", // checksum
    "00 00", // urgent
  );
}

/** An ARP request for an IPv4 address, by Ethernet; all in hexadecimal fields. */
export function arpRequest(senderHardware: string, sender: string, target: string): Uint8Array {
  return bytes(
    "00 01", // Ethernet
    "08 00", // IPv4
    "06", // length of a hardware address
    "04", // length of a protocol address
    "00 01", // request
    senderHardware,
    sender,
    "00 00 00 00 00 00", // target
    target,
  );
}
