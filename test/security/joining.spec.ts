// OWASP API6:2023 Unrestricted Access to Sensitive Business Flows, API4:2023 Unrestricted Resource Consumption; ASVS 5.0
// V2.4 (anti-automation): one client with many accounts does not get many places.
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IssueToken } from '../../src/commands/queue/issue-token.js';
import { userIdSchema } from '../../src/events/ids.js';
import type { JoinVerificationSettings } from '../../src/integrations/join-verification/port.js';
import { zeroBitsOf } from '../../src/integrations/join-verification/proof-of-work.js';
import { BadConfiguration, readConfig } from '../../src/platform/config.js';
import { deriveId } from '../../src/platform/derive-id.js';
import {
  type ApiUnderTest,
  noRateLimits,
  otherPerformanceId,
  performanceId,
  startApi,
  tokenId,
} from '../api/api-under-test.js';

const fan = (n: number) => userIdSchema.parse(deriveId('user', `fan ${n}`));
const issued = {
  isNew: true,
  tokenId,
  performanceId,
  number: 7,
  requestedAt: 1,
  position: 2,
  queueToken: { value: 'a queue token', expiresAt: '2026-11-22T10:00:00.000Z' },
};

let api: ApiUnderTest;
afterEach(() => api.app.close());

async function start(settings: Parameters<typeof startApi>[0] = {}): Promise<void> {
  api = await startApi(settings);
  api.commands.handler = () => issued;
}

interface Join {
  readonly n?: number;
  readonly address?: string;
  readonly queue?: string;
  readonly proof?: string;
}

/** One fan joins. @returns the status and, of a refusal, its code. */
async function join({ n = 0, address, queue = performanceId, proof }: Join = {}): Promise<string> {
  const before = api.commands.received.length;
  const reply = await api.app.inject({
    method: 'POST',
    url: `/v1/performances/${queue}/queue-token`,
    headers: { ...api.accessHeaders(fan(n)), ...(proof === undefined ? {} : { 'x-join-proof': proof }) },
    payload: { numberOfTickets: 2 },
    ...(address === undefined ? {} : { remoteAddress: address }),
  });
  const hasJoined = api.commands.received.slice(before).some((command) => command instanceof IssueToken);
  // What the scripted boards answer after it does not matter here.
  return hasJoined ? 'joined' : `${reply.statusCode} ${reply.json().code}`;
}

describe('one address with many accounts (API6:2023, API4:2023)', () => {
  const perMinute = { rateLimits: { ...noRateLimits, joinsPerMinute: 3 } };

  it('joins one queue as often as is allowed, whoever it says it is', async () => {
    await start({ settings: perMinute });
    for (let n = 0; n < 3; n++) expect(await join({ n })).toBe('joined');
    expect(await join({ n: 3 })).toBe('429 too-many-requests');
    // Another spelling of the id is no other queue.
    expect(await join({ n: 4, queue: performanceId.toUpperCase() })).toBe('429 too-many-requests');
    expect(await join({ n: 5, queue: otherPerformanceId })).toBe('joined');
    expect(await join({ n: 6, address: '192.0.2.9' })).toBe('joined');
    api.clock.ms += 20_000;
    expect(await join({ n: 7 })).toBe('joined');
    expect(await join({ n: 8 })).toBe('429 too-many-requests');
  });

  it('has as many IPv6 addresses as it likes, and one allowance', async () => {
    await start({ settings: perMinute });
    for (let n = 0; n < 3; n++) expect(await join({ n, address: `2001:db8::${n + 1}` })).toBe('joined');
    expect(await join({ n: 3, address: '2001:db8:0:0:ffff::1' })).toBe('429 too-many-requests');
    expect(await join({ n: 4, address: '2001:db8:0:1::1' })).toBe('joined');
  });

  it('may join without bound when the operator says so, and 600 times a minute by default', async () => {
    await start({ settings: { rateLimits: noRateLimits } });
    for (let n = 0; n < 20; n++) expect(await join({ n })).toBe('joined');
    expect(readConfig({}).RATE_LIMIT_JOINS_PER_MINUTE).toBe(600);
    expect(readConfig({}).JOIN_VERIFICATION).toBe('off');
  });
});

describe('a proof before a place is given (API6:2023)', () => {
  const rateLimits = noRateLimits;
  const verified = (joinVerification: JoinVerificationSettings) => ({
    settings: { rateLimits, joinVerification },
  });
  const challengeFor = async (n: number) => {
    const url = `/v1/performances/${performanceId}/queue-token/challenge`;
    return (await api.app.inject({ url, headers: api.accessHeaders(fan(n)) })).json();
  };

  it('is not asked for by default, and one that is sent is not looked at', async () => {
    await start({ settings: { rateLimits } });
    expect(await challengeFor(0)).toEqual({ kind: 'none' });
    expect(await join({ proof: 'anything' })).toBe('joined');
  });

  it('of work is asked of each account, and one account’s is of no use to another', async () => {
    await start(verified({ kind: 'proof-of-work', bits: 9 }));
    expect(await join({ n: 1 })).toBe('403 verification-needed');
    const { kind, challenge, bits } = await challengeFor(1);
    expect([kind, bits]).toEqual(['proof-of-work', 9]);
    let nonce = 0;
    while (zeroBitsOf(createHash('sha256').update(`${challenge}:${nonce}`).digest()) < bits) nonce++;
    const proof = `${challenge}:${nonce}`;
    expect(await join({ n: 2, proof })).toBe('403 verification-needed');
    expect(await join({ n: 1, queue: otherPerformanceId, proof })).toBe('403 verification-needed');
    expect(await join({ n: 1, proof: `${challenge}:` })).toBe('403 verification-needed');
    expect(await join({ n: 1, proof })).toBe('joined');
  });

  describe('by a service', () => {
    let server: Server;
    let answers: (string | undefined)[];
    let asked = 0;
    beforeEach(async () => {
      asked = 0;
      server = createServer((_request, response) => {
        asked += 1;
        const answer = answers.shift();
        if (answer === undefined) response.destroy();
        else response.end(answer);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo; // a TCP server's
      const url = `http://127.0.0.1:${port}/`;
      const service = { kind: 'siteverify', url, secret: 's', siteKey: 'site', timeoutMs: 60_000 } as const;
      await start(verified(service));
    });
    afterEach(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    it('lets in whom it knows, once for the fan whose reply was lost', async () => {
      expect(await challengeFor(1)).toEqual({ kind: 'siteverify', siteKey: 'site' });
      answers = ['{"success":false}', '{"success":true}'];
      expect(await join({ n: 1 })).toBe('403 verification-needed');
      expect(asked).toBe(0);
      expect(await join({ n: 1, proof: 'used' })).toBe('403 verification-needed');
      expect(await join({ n: 1, proof: 'good' })).toBe('joined');
      // A response is good for one verification: the same fan may repeat the request all the same, nobody else may.
      answers = ['{"success":false}'];
      expect(await join({ n: 1, proof: 'good' })).toBe('joined');
      expect(await join({ n: 2, proof: 'good' })).toBe('403 verification-needed');
    });

    it('lets in nobody while it cannot be asked', async () => {
      answers = [undefined, '{"success":true}'];
      expect(await join({ n: 1, proof: 'good' })).toBe('503 unavailable');
      expect(await join({ n: 1, proof: 'good' })).toBe('joined');
    });
  });

  it('needs the settings of its service', async () => {
    await start();
    const verification = { JOIN_VERIFICATION: 'siteverify' };
    expect(() => readConfig(verification)).toThrow(BadConfiguration);
    for (const name of ['SITEVERIFY_URL', 'SITEVERIFY_SECRET', 'SITEVERIFY_SITE_KEY'])
      expect(() => readConfig(verification)).toThrow(name);
    expect(() => readConfig({ JOIN_WORK_BITS: '64' })).toThrow('JOIN_WORK_BITS');
  });
});
