import { clientOf, parseTrustedProxies, trustIn } from '../../src/platform/client-address.js';
import { readConfig } from '../../src/platform/config.js';

describe('the client that limits count under', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['unknown', 'unknown'],
  ])('of %s is %s', (address, client) => {
    expect(clientOf(address)).toBe(client);
  });

  it('is short, whatever a proxy forwards', () => {
    expect(clientOf('x'.repeat(10_000)).length).toBeLessThanOrEqual(64);
    expect(clientOf(':'.repeat(10_000)).length).toBeLessThanOrEqual(80);
  });
});

describe('TRUST_PROXY', () => {
  it.each([
    ['false', false],
    ['0', false],
    ['1', 1],
    ['2', 2],
    ['10.0.0.1', ['10.0.0.1']],
    ['10.0.0.0/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
  ])('%s is %j', (text, proxies) => {
    expect(parseTrustedProxies(text)).toEqual(proxies);
    expect(readConfig({ TRUST_PROXY: text }).TRUST_PROXY).toEqual(proxies);
  });

  it.each([
    'true',
    'yes',
    '-1',
    '1.5',
    '10.0.0.0/33',
    '10.0.0.1,',
    'proxy.example',
    'fd00::/129',
    '10.0.0.0/8/8',
  ])('is refused when it is %s', (text) => {
    expect(() => readConfig({ TRUST_PROXY: text })).toThrow('TRUST_PROXY:');
  });

  it('trusts nobody when it is false', () => {
    expect(trustIn(false)('127.0.0.1', 0)).toBe(false);
  });

  it('trusts so many, one behind the other', () => {
    const trust = trustIn(2);
    expect([0, 1, 2].map((hop) => trust('192.0.2.1', hop))).toEqual([true, true, false]);
  });

  it('trusts addresses and networks, also when a socket shows IPv4 as IPv6', () => {
    const trust = trustIn(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
    const trusted = ['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7', 'fd12::1', 'fd12::1%eth0'];
    const others = ['11.0.0.1', '::ffff:11.0.0.1', '192.0.2.8', 'fe80::1', '::1', 'unknown', ''];
    expect(trusted.map((address) => trust(address, 0))).toEqual(trusted.map(() => true));
    expect(others.map((address) => trust(address, 0))).toEqual(others.map(() => false));
  });
});
