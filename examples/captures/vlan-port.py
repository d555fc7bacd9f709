#!/usr/bin/env python3
"""One access port of a VLAN: a TAP device whose frames travel tagged on a trunk interface.

usage: vlan-port.py TRUNK TAP VLAN_ID

For kernels without 802.1Q devices. Prints "ready" when the TAP device exists, then copies frames until it is killed.
"""
import contextlib
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
TP_STATUS_VLAN_VALID = 0x10
ETH_P_ALL, ETH_P_8021Q = 0x0003, 0x8100

trunk_name, tap_name, vlan_id = sys.argv[1], sys.argv[2], int(sys.argv[3])

tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", tap_name.encode(), IFF_TAP | IFF_NO_PI))

trunk = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
trunk.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
trunk.bind((trunk_name, ETH_P_ALL))
print("ready", flush=True)


def received_tag(ancillary):
    """The kernel takes the tag out of the frame before a packet socket sees it: packet(7), PACKET_AUXDATA."""
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _length, _snaplen, _mac, _net, tci, _tpid = struct.unpack("IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                return tci & 0x0FFF
    return None


while True:
    for ready in select.select([tap, trunk], [], [])[0]:
        if ready is trunk:
            frame, ancillary, _flags, address = trunk.recvmsg(65536, 256)
            if address[2] != PACKET_OUTGOING and received_tag(ancillary) == vlan_id:
                with contextlib.suppress(OSError):  # EIO while the TAP device is down: the port loses the frame
                    os.write(tap, frame)
        else:
            frame = os.read(tap, 65536)
            trunk.send(frame[:12] + struct.pack("!HH", ETH_P_8021Q, vlan_id) + frame[12:])
