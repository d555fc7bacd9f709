/** Ethernet types. */
export const etherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  ipv6: 0x86dd,
  vlan: 0x8100,
  mpls: 0x8847,
  pppoeDiscovery: 0x8863,
  pppoeSession: 0x8864,
  serviceVlan: 0x88a8,
  oldVlan: 0x9100,
  atalk: 0x809b,
  aarp: 0x80f3,
  decnet: 0x6003,
  lat: 0x6004,
  sca: 0x6007,
  moprc: 0x6002,
  mopdl: 0x6001,
  ipx: 0x8137,
} as const;

/** Where an Ethernet type stands, a number up to this is the frame's length, and an LLC header follows. */
export const longestLength = 1500;

/** LLC service access points; they are told from Ethernet types by being below 1501. */
export const sap = { ip: 0x06, stp: 0x42, snap: 0xaa, ipx: 0xe0, netbeui: 0xf0, iso: 0xfe } as const;

/** IP protocols. */
export const ipProtocol = {
  tcp: 6,
  udp: 17,
  sctp: 132,
  icmp: 1,
  igmp: 2,
  igrp: 9,
  pim: 103,
  vrrp: 112,
  carp: 112,
  icmp6: 58,
  ah: 51,
  esp: 50,
} as const;

/** What begins an OSI header. */
export const isoProtocol = { clnp: 0x81, esis: 0x82, isis: 0x83 } as const;
