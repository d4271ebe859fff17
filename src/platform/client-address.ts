import { BlockList, isIP, isIPv4 } from 'node:net';

/** Longer text is no address. */
const maxAddressLength = 64;

/**
 * Whose X-Forwarded-For is believed: nobody's; that of so many proxies, one behind the other, which nobody can bypass; or
 * that of proxies with these addresses or in these networks (CIDR).
 */
export type TrustedProxies = false | number | readonly string[];

/** Whether a proxy is trusted. @param hop 0 for the other end of the connection, 1 for whom that one names, and so on. */
export type Trust = (address: string, hop: number) => boolean;

/**
 * Reads `TRUST_PROXY`.
 * @throws {Error} saying what it may be.
 */
export function parseTrustedProxies(text: string): TrustedProxies {
  if (text === 'false' || text === '0') return false;
  if (text === 'true') {
    throw new Error(
      'true would believe every address that a client claims: give the number of proxies, such as 1, or their addresses',
    );
  }
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const proxies = text.split(',').map((one) => one.trim());
  const wrong = proxies.find((one) => !isAddressOrNetwork(one));
  if (wrong === undefined) return proxies;
  throw new Error(
    `must be false, a number of proxies, or addresses and networks with commas between: ${JSON.stringify(wrong)} is none`,
  );
}

function isAddressOrNetwork(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  if (isIP(address) === 0 || more.length > 0) return false;
  const bits = isIPv4(address) ? 32 : 128;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
}

/** @param proxies checked by {@link parseTrustedProxies}. */
export function trustIn(proxies: TrustedProxies): Trust {
  if (proxies === false) return () => false;
  if (typeof proxies === 'number') return (_address, hop) => hop < proxies;
  const trusted = new BlockList();
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    trusted.addSubnet(address, prefix === undefined ? (isIPv4(address) ? 32 : 128) : Number(prefix), family);
  }
  return (address) => {
    const plain = unmapped(address).replace(/%.*$/, '');
    return isIP(plain) !== 0 && trusted.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
  };
}

/** An IPv4 address that an IPv6 socket shows as `::ffff:1.2.3.4`, as IPv4; any other as it is. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/**
 * What limits by address count under: an IPv4 address, or the first 64 bits of an IPv6 address, of which a single
 * subscriber has 2^64.
 */
export function clientOf(address: string): string {
  if (address.length > maxAddressLength) return clientOf(address.slice(0, maxAddressLength));
  if (!address.includes(':')) return address;
  const plain = unmapped(address);
  return plain.includes(':') ? networkOf(plain) : plain;
}

/** The first 64 bits, without leading zeros and without `::`. */
function networkOf(address: string): string {
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  // An embedded IPv4 address stands for two groups.
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = 8 - before.length - after.length - (after.at(-1)?.includes('.') ? 1 : 0);
  const groups = [...before, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...after];
  const first = groups.slice(0, 4).map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''));
  return `${first.join(':')}::/64`;
}
