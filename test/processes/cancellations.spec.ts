import type { Command } from '@nestjs/cqrs';
import { SettleCancellation } from '../../src/commands/orders/settle-cancellation.js';
import { InMemoryEventStore } from '../../src/event-store/in-memory-event-store.js';
import { LiveSubscription } from '../../src/event-store/live-subscription.js';
import { type ScheduleId, scheduleIdSchema } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { Cancellations } from '../../src/processes/cancellations.js';
import type { Commands, RoundLease } from '../../src/processes/periodic-task.js';
import { ManualClock } from '../commands/manual-clock.js';
import { History } from '../projections/history.js';
import { performanceId } from '../projections/story.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

const never = 1_000_000;
const dateNamed = (name: string) => scheduleIdSchema.parse(deriveId('date', name));

/** Notes the dates that are settled; some fail. */
class Settling implements Commands {
  readonly settled: ScheduleId[] = [];
  readonly signals: (AbortSignal | undefined)[] = [];
  constructor(private readonly fails: (scheduleId: ScheduleId) => boolean = () => false) {}

  async execute<Result>(command: Command<Result>): Promise<Result> {
    if (!(command instanceof SettleCancellation) || this.fails(command.scheduleId))
      throw new Error('poisoned');
    this.settled.push(command.scheduleId);
    this.signals.push(command.signal);
    return {} as Result; // it is only logged
  }
}

/** Answers as the read models would. */
const showing = (dates: readonly ScheduleId[]) => ({
  cancelledSchedulesToSettle: async (after: ScheduleId | null, limit: number) =>
    [...dates]
      .sort()
      .filter((date) => date > (after ?? ''))
      .slice(0, limit),
});

it('settles the last of 1,200 cancelled dates in its first round, although all the others fail', async () => {
  const dates = Array.from({ length: 1_200 }, (_, index) => dateNamed(String(index))).sort();
  const last = dates.at(-1);
  const commands = new Settling((scheduleId) => scheduleId !== last);
  const log = new RecordedLog();
  const store = new InMemoryEventStore();
  const cancellations = new Cancellations(store, commands, showing(dates), new ManualClock(), log, never);
  cancellations.start();
  await eventually(() => commands.settled.length > 0);
  await cancellations.stop();
  expect(commands.settled).toEqual([last]);
  // Twenty of the dates that fail are named, the others are counted.
  expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(21);
});

it('tells the command when the process stops', async () => {
  const [commands, store] = [new Settling(), new InMemoryEventStore()];
  const dates = showing([dateNamed('cancelled')]);
  const [clock, log] = [new ManualClock(), new RecordedLog()];
  const cancellations = new Cancellations(store, commands, dates, clock, log, never);
  cancellations.start();
  await eventually(() => commands.signals.length === 1, { limitMs: 5_000 });
  expect(commands.signals[0]?.aborted).toBe(false);
  await cancellations.stop();
  expect(commands.signals[0]?.aborted).toBe(true);
});

it('runs each round in the process that has it', async () => {
  const commands = new Settling();
  const claims: string[] = [];
  const lease: RoundLease = {
    claim: async (task) => {
      claims.push(task);
      return claims.length < 3 ? 1 : never;
    },
  };
  const [store, clock, log] = [new InMemoryEventStore(), new ManualClock(), new RecordedLog()];
  const dates = showing([dateNamed('cancelled')]);
  const cancellations = new Cancellations(store, commands, dates, clock, log, never, lease);
  cancellations.start();
  await eventually(() => claims.length === 3);
  await cancellations.stop();
  expect(claims).toEqual(Array(3).fill('cancellations'));
  expect(commands.settled).toEqual([]);
});

describe('a date that is cancelled between two rounds', () => {
  async function cancelled(lease?: RoundLease) {
    const history = new History();
    const commands = new Settling();
    const [clock, log] = [new ManualClock(), new RecordedLog()];
    // The read models do not show it yet.
    const cancellations = new Cancellations(history.store, commands, showing([]), clock, log, never, lease);
    cancellations.start();
    const cancel = (name: string) => {
      const scheduleId = dateNamed(name);
      const data = { scheduleId, performanceId, reason: 'the singer is ill' };
      return history.add(streams.schedule(scheduleId), { type: 'ScheduleCancelled', data });
    };
    return { commands, cancel, stop: () => cancellations.stop() };
  }

  it('is settled at once', async () => {
    const { commands, cancel, stop } = await cancelled();
    // Following begins in the background: the first of them that it sees is enough.
    for (let n = 0; commands.settled.length === 0 && n < 1_000; n++) {
      await cancel(`date ${n}`);
      await new Promise(setImmediate);
    }
    await stop();
    expect(commands.settled.length).toBeGreaterThan(0);
  });

  it('is announced to one round: later rounds take it from the read models', async () => {
    const { commands, cancel, stop } = await cancelled();
    for (let n = 0; commands.settled.length === 0 && n < 1_000; n++) {
      await cancel(`date ${n}`);
      await new Promise(setImmediate);
    }
    for (const name of ['second', 'third']) {
      await cancel(name);
      await eventually(() => commands.settled.includes(dateNamed(name)), { limitMs: 5_000 });
    }
    await stop();
    expect(commands.settled).toEqual([...new Set(commands.settled)]);
  });

  it('counts it as a failure when such dates cannot be followed', async () => {
    const store = new InMemoryEventStore();
    store.head = async () => {
      throw new Error('the store is away');
    };
    const [clock, log] = [new ManualClock(), new RecordedLog()];
    const cancellations = new Cancellations(store, new Settling(), showing([]), clock, log, never);
    cancellations.start();
    const restarts = () =>
      cancellations.parts.map((part) => (part instanceof LiveSubscription ? part.restarts : 0));
    await eventually(() => restarts().some((count) => count > 0), { limitMs: 5_000 });
    await cancellations.stop();
  });

  it('is begun by one of several processes', async () => {
    const claims: string[] = [];
    const lease: RoundLease = {
      claim: async (task, everyMs) => {
        claims.push(task);
        return task === 'cancellations' ? 0 : everyMs;
      },
    };
    const { commands, cancel, stop } = await cancelled(lease);
    await cancel('before');
    await eventually(async () => {
      await cancel(`date ${claims.length}`);
      return claims.some((task) => task.startsWith('cancellation of '));
    });
    await stop();
    expect(commands.settled).toEqual([]);
  });
});
