import { z } from 'zod';
import { ApiClient, ServerGone } from '../../../src/cli/demo/api-client.js';
import { Tally } from '../../../src/cli/demo/summary.js';
import { eventually } from '../../services/wait-until.js';
import { type Canned, type CannedServer, cannedServer, problem } from '../canned-server.js';

const reply = z.object({ n: z.number() });
const fine: Canned = { status: 200, body: { n: 1 } };

describe('the demo’s client', () => {
  let server: CannedServer;
  afterEach(() => server.close());

  /** A client of a server that gives these answers one after the other, the last one for ever. */
  async function client(...answers: readonly [Canned, ...Canned[]]) {
    return clientWith({}, answers);
  }

  async function clientWith(more: { readonly patienceMs?: number }, answers: readonly Canned[]) {
    let next = 0;
    server = await cannedServer(() => answers[Math.min(next++, answers.length - 1)]);
    const tally = new Tally();
    const limited: number[] = [];
    const stop = new AbortController();
    const options = {
      tally,
      signal: stop.signal,
      onLimited: (s: number) => limited.push(s),
      busyPauseMs: 0,
      ...more,
    };
    return { api: new ApiClient(server.url, options), tally, limited, stop };
  }

  it('waits as long as it is told to and says so', async () => {
    const slow = problem(429, 'too-many-requests', { 'retry-after': '0' });
    const { api, limited, tally } = await client(...(Array<Canned>(20).fill(slow) as [Canned]), fine);
    expect(await api.send({ method: 'GET', path: '/x', reply })).toMatchObject({
      kind: 'ok',
      body: { n: 1 },
    });
    expect(limited).toHaveLength(20);
    expect(tally.surprises).toEqual([]);
  });

  it('repeats a lost request with the same idempotency key, and another request with another', async () => {
    const { api } = await client(undefined, problem(503, 'unavailable'), fine);
    const request = { method: 'POST', path: '/x', reply, body: { a: 1 }, isOnce: true } as const;
    await api.send(request);
    await api.send(request);
    const keys = server.seen.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(4);
    expect(keys[0]).toBe(keys[2]);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[0]).not.toBe(keys[3]);
  });

  it('gives up on a server that never answers, and hands over a refusal that stays', async () => {
    const { api } = await client(undefined);
    await expect(api.send({ method: 'GET', path: '/x', reply })).rejects.toThrow(ServerGone);
    await server.close();
    const busy = await client(problem(503, 'busy'));
    expect(await busy.api.send({ method: 'GET', path: '/x', reply })).toMatchObject({ code: 'busy' });
    expect([busy.tally.refusals.get('busy'), server.seen.length]).toEqual([6, 6]);
  });

  it('repeats a conflict that says when to ask again, for a bounded time', async () => {
    const held = problem(409, 'hold-in-progress', { 'retry-after': '0' });
    const passing = await client(...(Array<Canned>(20).fill(held) as [Canned]), fine);
    const request = { method: 'DELETE', path: '/x', reply } as const;
    expect(await passing.api.send(request)).toMatchObject({ kind: 'ok' });
    expect(passing.tally.refusals.get('hold-in-progress')).toBe(20);
    expect(passing.tally.surprises).toEqual([]);
    await server.close();
    const lasting = await clientWith({ patienceMs: 0 }, [held]);
    expect(await lasting.api.send(request)).toMatchObject({ code: 'hold-in-progress' });
    expect(server.seen).toHaveLength(1);
    expect(lasting.tally.surprises).toEqual([expect.stringContaining('DELETE /x was refused')]);
  });

  it('returns a refusal at once with its code', async () => {
    const { api, tally } = await client(problem(409, 'seat-held'));
    expect(await api.send({ method: 'GET', path: '/x', reply })).toMatchObject({
      kind: 'refused',
      code: 'seat-held',
    });
    expect([server.seen.length, tally.conflicts]).toEqual([1, 1]);
  });

  it('stops when everything ends, also while it waits', async () => {
    const { api, stop } = await client(problem(429, 'too-many-requests', { 'retry-after': '100' }));
    const sent = api.send({ method: 'GET', path: '/x', reply });
    await eventually(() => server.seen.length > 0);
    stop.abort();
    await expect(sent).rejects.toThrow();
  });
});
