import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { type Instant, toInstant, type UserId } from '../../src/events/ids.js';
import { type DomainEvent, encodeEvent } from '../../src/events/registry.js';
import { cli, freshEnv, removeFolders } from './captured-terminal.js';

afterAll(removeFolders);

const userId = randomUUID() as UserId; // a UUID is all it takes

async function logOf(...events: readonly [stream: string, event: DomainEvent, at: Instant][]) {
  const env = await freshEnv();
  mkdirSync(env.DATA_DIR, { recursive: true });
  const store = await openSqliteEventStore({ file: join(env.DATA_DIR, 'events.db') });
  for (const [stream, event, occurredAt] of events) {
    const id = randomUUID();
    const metadata = {
      commandId: id,
      correlationId: id,
      causationId: id,
      actor: { kind: 'anonymous' as const },
    };
    await store.append(stream, 'any', [{ id, ...encodeEvent(event, { ...metadata, occurredAt }) }]);
  }
  await store.close();
  return env;
}

const now = toInstant(Date.UTC(2026, 10, 1));
const erased: [string, DomainEvent, Instant] = [
  `user-${userId}`,
  { type: 'UserErased', data: { userId } },
  now,
];

describe('audit verify', () => {
  it('exits with 0 on a clean log and says what it checked', async () => {
    const { code, stdout, stderr } = await cli(['audit', 'verify'], await logOf(erased));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Nothing is wrong.');
    expect(stdout).toMatch(/ok +1 +stream-revision/);
    expect(stdout).toContain(`checked as of ${now}`);
  });

  it('exits with 1 on findings and names the events', async () => {
    const chargeId = randomUUID();
    const credit: DomainEvent = {
      type: 'PointsCharged',
      data: { userId, chargeId: chargeId as never, amount: 5, balance: 5 },
    };
    const env = await logOf(erased, [`wallet-${userId}`, credit, now]);
    const text = await cli(['audit', 'verify'], env);
    expect(text.code).toBe(1);
    expect(text.stdout).toContain(`wallet-${userId} @0`);
    const json = await cli(['audit', 'verify', '--json'], env);
    expect(json.code).toBe(1);
    // Nothing but the report may be on standard output.
    expect(JSON.parse(json.stdout)).toMatchObject({
      clean: false,
      findings: [{ code: 'charge-credited-once', events: [{ stream: `wallet-${userId}`, revision: 0 }] }],
    });
  });

  it('judges deadlines by the moment it is given', async () => {
    const chargeId = randomUUID();
    const charge = { chargeId: chargeId as never, userId, amount: 5 };
    const env = await logOf(
      [`charge-${chargeId}`, { type: 'ChargeRequested', data: { ...charge, paymentMethod: 'c' } }, now],
      [`charge-${chargeId}`, { type: 'ChargeApproved', data: { ...charge, paymentId: 'p' as never } }, now],
    );
    const at = (asOf: readonly string[]) => cli(['audit', 'verify', ...asOf], env);
    expect((await at([])).code).toBe(0);
    expect((await at(['--as-of', toInstant(Date.UTC(2026, 10, 2))])).code).toBe(1);
    expect((await at(['--as-of', 'now'])).stdout).toContain('checked as of 20');
  });
});

describe('audit stream', () => {
  it('shows a stream’s events in words', async () => {
    const { code, stdout, stderr } = await cli(['audit', 'stream', `user-${userId}`], await logOf(erased));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`${now}  @0  position 1  UserErased  by a visitor who is not logged in`);
    expect(stdout).toContain('erased the person');
    expect(stdout).toContain(`→ wallet-${userId}`);
  });

  it.each([
    ['seat-never.held', 'a seat that was never held has no events'],
    ['sofa-1', 'names begin with user-, login-'],
  ])('exits with 1 when there is no stream %s', async (name, hint) => {
    const { code, stdout, stderr } = await cli(['audit', 'stream', name], await logOf(erased));
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(hint)]);
  });
});

describe('audit export', () => {
  it.each([
    ['no-uuid', 2, 'is not the id of a performance'],
    [userId, 1, 'there is no performance'],
  ])('refuses %s', async (id, code, reason) => {
    const env = await logOf(erased);
    const out = join(env.DATA_DIR, 'export.jsonl');
    expect(await cli(['audit', 'export', id, '--out', out], env)).toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringContaining(reason),
    });
    expect(existsSync(out)).toBe(false);
  });
});
