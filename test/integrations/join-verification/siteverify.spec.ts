import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { performanceIdSchema, userIdSchema } from '../../../src/events/ids.js';
import { VerificationUnavailable } from '../../../src/integrations/join-verification/port.js';
import { Siteverify } from '../../../src/integrations/join-verification/siteverify.js';
import { deriveId } from '../../../src/platform/derive-id.js';

const joining = {
  userId: userIdSchema.parse(deriveId('user', 'ann')),
  performanceId: performanceIdSchema.parse(deriveId('performance', 'show')),
};

describe('a service that verifies proofs', () => {
  let server: Server;
  let received: string[];
  let answer: { status: number; body: string; location?: string } | undefined;
  let url: string;

  beforeEach(async () => {
    received = [];
    server = createServer(async (request, response) => {
      received.push(await text(request));
      if (!answer) return;
      const { status, body, location } = answer;
      response.writeHead(status, location === undefined ? {} : { location }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/siteverify`; // a TCP server's
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const verifier = (timeoutMs = 60_000) =>
    new Siteverify({ url, secret: 'our secret', siteKey: 'our site', timeoutMs });
  const ask = (proof: string | undefined, timeoutMs?: number) =>
    verifier(timeoutMs).isProven(joining, proof, '192.0.2.7');

  it('is told the proof and the address, and believed', async () => {
    answer = { status: 200, body: '{"success":true}' };
    expect(await ask('the response')).toBe(true);
    expect(Object.fromEntries(new URLSearchParams(received[0]))).toEqual({
      secret: 'our secret',
      response: 'the response',
      remoteip: '192.0.2.7',
    });
    answer = { status: 200, body: '{"success":false,"error-codes":["timeout-or-duplicate"]}' };
    expect(await ask('used')).toBe(false);
    answer = { status: 400, body: '{"success":false}' };
    expect(await ask('nonsense')).toBe(false);
    answer = { status: 500, body: '{"success":true}' };
    expect(await ask('by a broken service')).toBe(false);
  });

  it('is not asked about what cannot be a proof', async () => {
    expect(await ask(undefined)).toBe(false);
    expect(await ask('x'.repeat(4_097))).toBe(false);
    expect(received).toEqual([]);
  });

  it.each([
    ['answers nothing readable', { status: 502, body: '<html>' }],
    ['answers something else', { status: 200, body: '{"ok":true}' }],
    ['redirects', { status: 302, body: '', location: 'http://127.0.0.1:1/' }],
    ['answers without end', { status: 200, body: `{"success":true${' '.repeat(20_000)}}` }],
  ])('lets nobody in while it %s', async (_how, given) => {
    answer = given;
    await expect(ask('a proof')).rejects.toThrow(VerificationUnavailable);
  });

  it('lets nobody in while it does not answer in time, or not at all', async () => {
    answer = undefined;
    await expect(ask('a proof', 20)).rejects.toThrow(VerificationUnavailable);
    url = 'http://127.0.0.1:1/siteverify';
    await expect(ask('a proof')).rejects.toThrow(VerificationUnavailable);
  });
});
