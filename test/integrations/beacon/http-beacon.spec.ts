import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { timeOfRound } from '../../../src/domain/beacon.js';
import { HttpBeacon } from '../../../src/integrations/beacon/http-beacon.js';
import { BeaconUnavailable } from '../../../src/integrations/beacon/port.js';
import { isSignatureOfRound, quicknetHash } from '../../../src/platform/drand.js';
import { round1000At, signature1000, signature1001 } from './rounds.js';

describe('a round of drand', () => {
  it('is known by its signature, offline', () => {
    expect(isSignatureOfRound(1000, signature1000)).toBe(true);
    expect(isSignatureOfRound(1001, signature1001)).toBe(true);
    expect(timeOfRound(1000)).toBe(round1000At);
    // What drand published as the randomness of round 1000.
    expect(createHash('sha256').update(Buffer.from(signature1000, 'hex')).digest('hex')).toBe(
      'fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd',
    );
  });

  it('is not known by that of another round, a changed one, or what is no point of the curve', () => {
    expect(isSignatureOfRound(1000, signature1001)).toBe(false);
    expect(isSignatureOfRound(999, signature1000)).toBe(false);
    const flipped = `${signature1000.slice(0, -1)}8`;
    for (const signature of [flipped, 'b3'.repeat(48), '00'.repeat(48), `c0${'00'.repeat(47)}`, '', 'zz'])
      expect(isSignatureOfRound(1000, signature)).toBe(false);
  });
});

describe('the relays of the beacon', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  /** A relay that answers every request the same; undefined: never. */
  async function relay(answer: string | undefined, status = 200) {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (answer === undefined) return;
      response.writeHead(status, status === 302 ? { location: answer } : {}).end(answer);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo; // a TCP server's
    return { url: `http://127.0.0.1:${port}`, asked };
  }
  const round = (number: number, signature: string) =>
    JSON.stringify({ round: number, randomness: 'x', signature });
  const beaconOf = (...relays: { readonly url: string }[]) =>
    new HttpBeacon({ urls: relays.map(({ url }) => url), timeoutMs: 60_000 });

  it('are asked for the round of the chain', async () => {
    const good = await relay(round(1000, signature1000));
    expect(await beaconOf(good).signatureOf(1000)).toBe(signature1000);
    expect(good.asked).toEqual([`/${quicknetHash}/public/1000`]);
  });

  it.each([
    ['an error', 'not yet', 425],
    ['no JSON', 'hello', 200],
    ['another round', round(1001, signature1001), 200],
    ['a signature of its own choice', round(1000, signature1001), 200],
    ['no signature at all', JSON.stringify({ round: 1000 }), 200],
    ['a redirection', 'http://127.0.0.1:1/', 302],
    ['more than it should', `${round(1000, signature1000)}${' '.repeat(10_000)}`, 200],
  ])('are not believed when they answer %s; the next one is asked', async (_what, answer, status) => {
    const bad = await relay(answer, status);
    const good = await relay(round(1000, signature1000));
    expect(await beaconOf(bad, good).signatureOf(1000)).toBe(signature1000);
    await expect(beaconOf(bad).signatureOf(1000)).rejects.toThrow(BeaconUnavailable);
    expect(bad.asked).toHaveLength(3);
  });

  it('are given up after their time, and the failure names them', async () => {
    const silent = await relay(undefined);
    const beacon = new HttpBeacon({ urls: [silent.url], timeoutMs: 20, attempts: 1 });
    await expect(beacon.signatureOf(1000)).rejects.toThrow(
      `round 1000 of the beacon cannot be had: ${new URL(silent.url).host}:`,
    );
  });
});
