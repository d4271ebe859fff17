import { BlockList, isIP } from 'node:net';

/**
 * Addresses that are not on the public internet (IANA special-purpose registries, RFC 6890 and successors): this machine,
 * private networks, link-local ones with the metadata services of clouds, and what is reserved.
 */
const privateNetworks = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  privateNetworks.addSubnet(network, prefix, 'ipv4');
}

/** Of IPv6, 2000::/3 is public, but for those of it that are reserved or carry an IPv4 address. */
const publicIpv6 = new BlockList();
publicIpv6.addSubnet('2000::', 3, 'ipv6');
const reservedIpv6 = new BlockList();
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  reservedIpv6.addSubnet(network, prefix, 'ipv6');
}

/** Whether an IP address is not on the public internet. Text that is no IP address counts as private. */
export function isPrivateAddress(address: string): boolean {
  const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  if (isIP(plain) === 4) return privateNetworks.check(plain, 'ipv4');
  return isIP(plain) !== 6 || !publicIpv6.check(plain, 'ipv6') || reservedIpv6.check(plain, 'ipv6');
}
