/** Largest number each primitive takes: what Stenographer's parser accepts. All begin at 0. */
export const largest = {
  port: 65_535,
  vlan: 65_535,
  mpls: 1_048_575,
  "ip proto": 255,
} as const;
