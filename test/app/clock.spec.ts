import { randomUUID } from 'node:crypto';
import { checkClock } from '../../src/app/boxoffice.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { readConfig } from '../../src/platform/config.js';
import { createLog } from '../../src/platform/logging.js';
import { ManualClock } from '../commands/manual-clock.js';
import { Office } from '../e2e/office.js';

const config = readConfig({ LOG_LEVEL: 'silent' });
const clock = new ManualClock('2026-12-24T10:00:00.000Z');
let store: InMemoryEventStore;
let errors: unknown[];
const log = createLog(config);
beforeEach(() => {
  store = new InMemoryEventStore();
  errors = [];
  jest.spyOn(log, 'error').mockImplementation((_details: unknown, message?: string) => {
    errors.push(message);
  });
});

/** An event that was decided so long after what the clock says. */
const eventAt = (aheadMs: number) =>
  store.append('note-1', 'any', [
    {
      id: randomUUID(),
      type: 'Noted',
      data: {},
      metadata: {
        commandId: randomUUID(),
        correlationId: 'test',
        causationId: 'test',
        actor: { kind: 'anonymous' },
        occurredAt: new Date(clock.nowMs() + aheadMs).toISOString(),
        schemaVersion: 1,
      },
    },
  ]);

const check = (around: { readonly isOnlyWriter?: boolean; readonly isAccepted?: boolean } = {}) =>
  checkClock(store, clock, {
    isOnlyWriter: around.isOnlyWriter ?? true,
    config: { ...config, CLOCK_BEHIND_ACCEPTED: around.isAccepted ?? false },
    log,
  });

describe('a start', () => {
  it.each([
    ['nothing', []],
    ['the past', [-60_000, -1]],
    ['five seconds later', [5_000]],
  ])('goes on when the log is of %s', async (_, moments) => {
    for (const aheadMs of moments) await eventAt(aheadMs);
    await check();
    expect(errors).toEqual([]);
  });

  it.each([
    ['the newest event', [5_001]],
    ['an event before others of another clock', [3_600_000, -1, -1]],
  ])('is refused when %s was decided more than five seconds later, naming both times', async (_, moments) => {
    for (const aheadMs of moments) await eventAt(aheadMs);
    const [aheadMs = 0] = moments;
    const refusal = await check().catch((error: Error) => error.message);
    expect(refusal).toContain(clock.now());
    expect(refusal).toContain(new Date(clock.nowMs() + aheadMs).toISOString());
    expect(refusal).toContain('CLOCK_BEHIND_ACCEPTED=true');
  });

  it.each([
    ['an operator accepts it', { isAccepted: true }],
    ['other processes write too, and one of them may be wrong', { isOnlyWriter: false }],
  ])('goes on with a loud line when %s', async (_, around) => {
    await eventAt(3_600_000);
    await check(around);
    expect(errors).toEqual([
      expect.stringContaining('3600 s later: holds, turns and sales would end too late'),
    ]);
  });
});

it('keeps an office closed whose clock was set back', async () => {
  const wall = new ManualClock(new Date(Date.now() + 3_600_000).toISOString());
  const office = await Office.open({ SAMPLE_CATALOG: 'true' }, { clock: wall });
  try {
    await office.stop();
    wall.advance(-3_600_000);
    await expect(office.start()).rejects.toThrow('but the newest event of the log was decided at');
    wall.advance(3_600_000);
    await office.start();
  } finally {
    await office.close();
  }
});
