import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  judgeQueue,
  type PublishedQueue,
  type QueuedNumber,
} from '../../src/analysis/audit/queue-fairness.js';
import { queueFromLog } from '../../src/cli/queue-check.js';
import { EnterService, LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { shuffledPlaces } from '../../src/domain/shuffle.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { type CommandSide, createCommandSide } from '../commands/box-office.js';
import { freshContext, letIn, openTheatre, performanceId, queued } from '../commands/theatre.js';
import { type CannedServer, cannedServer, problem } from './canned-server.js';
import { cli, freshEnv, removeFolders } from './captured-terminal.js';

afterAll(removeFolders);

/** Six fans who join early, one who leaves before the opening, two who come later; five are let in, one by one. */
async function servedQueue(): Promise<{ side: CommandSide; queueTokens: QueueToken[] }> {
  const side = createCommandSide();
  await openTheatre(side, { sales: { admitPerSecond: 1 } });
  const queueTokens: QueueToken[] = [];
  for (let n = 0; n < 6; n++) queueTokens.push(await queued(side, `early ${n}`));
  const [first] = queueTokens;
  if (first) await side.execute(new LeaveQueue(first, freshContext()));
  await letIn(side);
  for (let n = 0; n < 2; n++) queueTokens.push(await queued(side, `late ${n}`));
  for (let second = 0; second < 4; second++) {
    side.clock.advance(1_000);
    await letIn(side);
  }
  for (const queueToken of queueTokens.slice(1)) {
    await side.execute(new EnterService(queueToken, freshContext())).catch(() => undefined); // not everybody's turn came
  }
  return { side, queueTokens };
}

/** The draw of a queue that has opened. */
function drawn({ opening }: PublishedQueue) {
  if (!opening) throw new Error('the queue has not opened');
  return opening;
}

const noProgress = () => undefined;

let queue: PublishedQueue;
let side: CommandSide;
let queueTokens: QueueToken[];
beforeAll(async () => {
  ({ side, queueTokens } = await servedQueue());
  queue = await queueFromLog(side.store, performanceId, noProgress);
});

function wrongIn(forged: PublishedQueue, asked?: Parameters<typeof judgeQueue>[1]): string[] {
  const verdict = judgeQueue(forged, asked);
  const wrong = verdict.checks.filter(({ mismatches }) => mismatches > 0).map(({ check }) => check);
  expect(verdict.fair).toBe(wrong.length === 0);
  return wrong;
}

const changed = (index: number, change: Partial<QueuedNumber>): PublishedQueue => ({
  ...queue,
  numbers: queue.numbers.map((number, at) => (at === index ? { ...number, ...change } : number)),
});
const indexOf = (matches: (number: QueuedNumber) => boolean) => queue.numbers.findIndex(matches);

describe('the judgement of a queue', () => {
  it('finds nothing wrong with one that was served by its places', () => {
    expect(wrongIn(queue)).toEqual([]);
    const states = queue.numbers.map(({ state }) => state);
    expect(states.filter((state) => state === 'left')).toHaveLength(1);
    expect(states.filter((state) => state === 'admitted').length).toBeGreaterThanOrEqual(4);
    expect(states.slice(-2)).toContain('waiting');
    expect(judgeQueue(queue).admissions.count).toBeGreaterThan(1);
  });

  it('finds a seed that does not have the published hash', () => {
    const forged = { ...queue, opening: { ...drawn(queue), seed: 'ab'.repeat(32) } };
    expect(wrongIn(forged)).toContain('seed');
    expect(wrongIn(queue, { seedHash: 'cd'.repeat(32) })).toEqual(['hash-kept']);
    expect(wrongIn({ ...queue, algorithm: 'coin-toss' })).toEqual(['algorithm']);
  });

  it('finds a draw that left out who joined, or used a round other than the one that was named', () => {
    const opening = drawn(queue);
    expect(opening.tokensDigest).toMatch(/^[0-9a-f]{64}$/);
    const others = { ...queue, opening: { ...opening, tokensDigest: 'ab'.repeat(32) } };
    expect(wrongIn(others)).toContain('joined');
    const withoutFan = { ...queue, numbers: queue.numbers.filter(({ number }) => number !== 2) };
    expect(wrongIn(withoutFan)).toEqual(['joined']);
    // The older rule: the seed alone, so that whoever knows it knows every place before.
    const { seed, shuffledCount } = opening;
    expect(wrongIn({ ...queue, opening: { seed, shuffledCount } })).toContain('algorithm');
    expect(wrongIn({ ...queue, round: 1000 })).toEqual(['beacon']);
    expect(wrongIn(queue, { round: 1000 })).toEqual(['round-kept']);
    const forged = { round: 1000, signature: 'b3'.repeat(48) };
    expect(wrongIn({ ...queue, round: 1000, opening: { ...opening, beacon: forged } })).toContain('beacon');
  });

  it('verifies a queue that opened before others were mixed in by the rule of then', () => {
    const { seed, shuffledCount } = drawn(queue);
    const places = shuffledPlaces(seed, shuffledCount);
    const old: PublishedQueue = {
      ...queue,
      algorithm: 'fisher-yates-sha256-v1',
      opening: { seed, shuffledCount },
      admittedAtLeast: 0,
      admittedAtMost: 0,
      admissions: [],
      numbers: queue.numbers.map(({ number, tokenId }) => ({
        number,
        tokenId,
        place: places[number] ?? number,
        state: 'waiting',
        admittedAt: null,
      })),
    };
    expect(wrongIn(old)).toEqual([]);
  });

  it('finds a fan put at another place', () => {
    expect(wrongIn(changed(1, { place: 0 }))).toEqual(
      judgeQueue(queue, { tokenId: queue.numbers[1]?.tokenId }).token?.recomputedPlace === 0
        ? []
        : ['places'],
    );
    expect(wrongIn(changed(7, { place: 0 }))).toEqual(['places']);
  });

  it('finds who was passed over, and who was let in out of turn', () => {
    const inside = indexOf(({ state }) => state === 'admitted');
    expect(wrongIn(changed(inside, { state: 'waiting', admittedAt: null }))).toEqual(['order']);
    const outside = indexOf(({ state }) => state === 'waiting');
    const { admittedAt = null } = queue.numbers[inside] ?? {};
    expect(wrongIn(changed(outside, { state: 'admitted', admittedAt }))).toEqual(['order']);
    const moments = [...queue.numbers].sort((a, b) => ((a.admittedAt ?? '') < (b.admittedAt ?? '') ? -1 : 1));
    const last = indexOf(({ tokenId }) => tokenId === moments.at(-1)?.tokenId);
    const earliest = moments.find((number) => number.admittedAt !== null)?.admittedAt ?? null;
    expect(wrongIn(changed(last, { admittedAt: earliest }))).toEqual(['order']);
  });

  it('finds a number given twice and admissions that leave a gap', () => {
    expect(wrongIn(changed(3, { number: 2, place: null }))).toContain('numbers');
    const admissions = (queue.admissions ?? []).map((range, n) =>
      n === 2 ? { ...range, to: range.to + 1 } : range,
    );
    expect(wrongIn({ ...queue, admissions })).toEqual(['ranges']);
  });
});

describe('queue-check', () => {
  it('reads the log and tells a token’s place', async () => {
    const env = await freshEnv();
    mkdirSync(env.DATA_DIR, { recursive: true });
    const copy = await openSqliteEventStore({ file: join(env.DATA_DIR, 'events.db') });
    for (const event of await side.store.readAll()) await copy.append(event.stream, 'any', [event]);
    await copy.close();
    const tokenId = queueTokens[3]?.tokenId ?? '';
    const { code, stdout } = await cli(['queue-check', performanceId, '--token', tokenId], env);
    const place = judgeQueue(queue, { tokenId }).token?.recomputedPlace;
    expect([code, stdout]).toEqual([0, expect.stringContaining(`shuffles number 3 to place ${place}`)]);
    expect(stdout).toContain('The queue was served in exactly this order.');
    const stranger = await cli(['queue-check', performanceId, '--token', performanceId, '--json'], env);
    expect([stranger.code, JSON.parse(stranger.stdout)]).toMatchObject([1, { fair: true, token: null }]);
    expect((await cli(['queue-check', tokenId], env)).code).toBe(2);
    expect((await cli(['queue-check', 'nonsense'], env)).code).toBe(2);
  });

  describe('of a server', () => {
    let server: CannedServer;
    afterEach(() => server.close());

    /** A server that publishes a queue, three numbers a page. */
    async function publishing({ opening, numbers, ...rest }: PublishedQueue): Promise<CannedServer> {
      const path = `/v1/performances/${performanceId}/queue`;
      return cannedServer(({ path: asked }) => {
        const url = new URL(asked, 'http://server');
        const from = Number(url.searchParams.get('cursor') ?? 0);
        const nextCursor = from + 3 < numbers.length ? String(from + 3) : null;
        switch (url.pathname) {
          case `${path}/fairness`: {
            const { seed = null, shuffledCount = null, tokensDigest = null } = opening ?? {};
            const { algorithm, seedHash, admittedAtMost: admittedUpTo } = rest;
            const draw = { seed, shuffledCount, tokensDigest, beacon: null, beaconSignature: null };
            return { status: 200, body: { algorithm, seedHash, ...draw, admittedUpTo } };
          }
          case `${path}/numbers`:
            return { status: 200, body: { items: numbers.slice(from, from + 3), nextCursor } };
          default:
            return problem(404, 'performance-unknown');
        }
      });
    }
    const check = async (...args: string[]) =>
      cli(['queue-check', performanceId, '--server', server.url, ...args], await freshEnv());

    it('reads all pages and agrees with the log', async () => {
      server = await publishing(queue);
      const { code, stdout } = await check('--json', '--seed-hash', queue.seedHash);
      expect([code, JSON.parse(stdout)]).toMatchObject([
        0,
        { fair: true, fans: 8, admissions: judgeQueue(queue).admissions },
      ]);
    });

    it('exits with 1 when a place is not the recomputed one, and says which', async () => {
      server = await publishing(changed(7, { place: 0 }));
      const { code, stdout } = await check();
      expect(code).toBe(1);
      expect(stdout).toContain('is stated at place 0, its place is 7');
    });

    it('says what can be said before the opening', async () => {
      const numbers = queue.numbers.map(
        ({ number, tokenId }): QueuedNumber => ({
          number,
          tokenId,
          place: null,
          state: 'waiting',
          admittedAt: null,
        }),
      );
      server = await publishing({ ...queue, opening: null, admittedAtLeast: 0, admittedAtMost: 0, numbers });
      const { code, stdout } = await check('--token', queueTokens[0]?.tokenId ?? '');
      expect([code, stdout]).toEqual([0, expect.stringContaining('its place is drawn at the opening')]);
    });

    it('exits with 2 when the server knows no such performance', async () => {
      server = await cannedServer(() => problem(404, 'performance-unknown'));
      const { code, stderr } = await check();
      expect([code, stderr]).toEqual([2, expect.stringContaining('because of performance-unknown')]);
    });
  });
});
