import type { Command } from '@nestjs/cqrs';
import { LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import { OpenQueue } from '../../src/commands/queue/open-and-admit.js';
import { admissionDecider } from '../../src/domain/admission.js';
import { instantSchema, type PerformanceId, performanceIdSchema } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { AdmissionProcess } from '../../src/processes/admission.js';
import type { Commands } from '../../src/processes/periodic-task.js';
import { type CommandSide, createCommandSide } from '../commands/box-office.js';
import { freshContext, openTheatre, performanceId, queued } from '../commands/theatre.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

/** Short enough to come round again while a test waits on a condition. */
const intervalMs = 1;

function admissionOf(side: CommandSide, onSale: readonly PerformanceId[], commands: Commands = side) {
  const queries = { performancesOnSale: async () => [...onSale] };
  return new AdmissionProcess(side.store, commands, queries, side.clock, new RecordedLog(), intervalMs);
}

async function admittedUpTo(side: CommandSide): Promise<number> {
  return (await side.repository.load(admissionDecider, streams.admission(performanceId))).state.admittedUpTo;
}

describe('the admission process', () => {
  it('lets fans in up to the limit, and the next one when somebody leaves', async () => {
    const side = createCommandSide();
    await openTheatre(side, { sales: { maxActive: 2 } });
    // Opened before anyone joined, so nobody is shuffled and the first fan is inside.
    await side.execute(new OpenQueue(performanceId, freshContext()));
    const first = await queued(side, 'a');
    for (const name of ['b', 'c']) await queued(side, name);
    const process = admissionOf(side, [performanceId]);
    process.start();
    await eventually(async () => (await admittedUpTo(side)) === 2);
    await side.execute(new LeaveQueue(first, freshContext()));
    await eventually(async () => (await admittedUpTo(side)) === 3);
    await process.stop();
  });

  it('notices a fan who joins a queue it did not watch', async () => {
    const side = createCommandSide();
    await openTheatre(side);
    const process = admissionOf(side, []);
    process.start();
    await queued(side, 'late');
    await eventually(async () => (await admittedUpTo(side)) === 1);
    await process.stop();
  });

  it('serves the other queues while one cannot be served, and says so once', async () => {
    const side = createCommandSide();
    await openTheatre(side);
    for (const name of ['a', 'b']) await queued(side, name);
    const poisoned = performanceIdSchema.parse(deriveId('poisoned'));
    let attempts = 0;
    const commands: Commands = {
      async execute<Result>(command: Command<Result>): Promise<Result> {
        if (!('performanceId' in command) || command.performanceId !== poisoned) return side.execute(command);
        attempts++;
        throw new Error('poisoned');
      },
    };
    const log = new RecordedLog();
    const queries = { performancesOnSale: async () => [poisoned, performanceId] };
    const process = new AdmissionProcess(side.store, commands, queries, side.clock, log, intervalMs);
    process.start();
    await eventually(async () => (await admittedUpTo(side)) === 2);
    await eventually(() => {
      side.clock.advance(60_000);
      return attempts > 3;
    });
    await process.stop();
    expect(log.lines).toMatchObject([{ level: 'error', details: { item: poisoned } }]);
  });

  it('notices a fan who joins while its subscription is interrupted', async () => {
    const side = createCommandSide();
    await openTheatre(side);
    const subscribe = side.store.subscribe.bind(side.store);
    let breaks = 2;
    side.store.subscribe = (options, handler) =>
      subscribe(options, async (batch) => {
        if (breaks-- > 0) throw new Error('the connection was lost');
        await handler(batch);
      });
    const process = admissionOf(side, []);
    process.start();
    await queued(side, 'late');
    await eventually(async () => (await admittedUpTo(side)) === 1);
    await process.stop();
  });

  it('begins with no other queue once it is told to stop', async () => {
    const side = createCommandSide();
    const served: unknown[] = [];
    let release: () => void = () => undefined;
    const slow: Commands = {
      async execute(command) {
        served.push(command);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        throw new Error('not now');
      },
    };
    const onSale = [performanceId, performanceIdSchema.parse(deriveId('another'))];
    const process = admissionOf(side, onSale, slow);
    process.start();
    await eventually(() => served.length === 1);
    const stopping = process.stop();
    release();
    await stopping;
    expect(served).toHaveLength(1);
  });

  it('opens a queue at its time, not before', async () => {
    const side = createCommandSide();
    const opensAt = instantSchema.parse('2026-11-22T10:00:00.000Z');
    await openTheatre(side, { sales: { opensAt } });
    for (const name of ['a', 'b', 'c']) await queued(side, name);
    let looks = 0;
    const commands: CommandSide = {
      ...side,
      execute(command) {
        looks++;
        return side.execute(command);
      },
    };
    const process = admissionOf(side, [performanceId], commands);
    process.start();
    await eventually(() => looks > 3);
    expect(
      (await side.repository.load(admissionDecider, streams.admission(performanceId))).state.opening,
    ).toBeUndefined();
    side.clock.moveTo(opensAt);
    await eventually(async () => (await admittedUpTo(side)) === 3);
    const { state } = await side.repository.load(admissionDecider, streams.admission(performanceId));
    expect(state.opening?.shuffledCount).toBe(3);
    await process.stop();
  });
});
