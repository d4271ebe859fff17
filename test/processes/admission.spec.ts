import type { Command } from '@nestjs/cqrs';
import { LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import { type AdmissionResult, AdmitTokens, OpenQueue } from '../../src/commands/queue/open-and-admit.js';
import { admissionDecider } from '../../src/domain/admission.js';
import { addMs, type PerformanceId, performanceIdSchema, toInstant } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { AdmissionProcess } from '../../src/processes/admission.js';
import type { Commands } from '../../src/processes/periodic-task.js';
import { contradictions } from '../commands/audit.js';
import { type CommandSide, createCommandSide } from '../commands/box-office.js';
import { freshContext, openTheatre, performanceId, queued } from '../commands/theatre.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

/** Short enough to come round again while a test waits on a condition. */
const intervalMs = 1;

interface Options {
  readonly commands?: Commands;
  readonly log?: RecordedLog;
}

function admissionOf(side: CommandSide, toServe: readonly PerformanceId[], options: Options = {}) {
  const queries = {
    queuesToServe: async (_: unknown, after: PerformanceId | null, limit: number) => {
      const from = after === null ? 0 : toServe.indexOf(after) + 1;
      return toServe.slice(from, from + limit);
    },
  };
  const { commands = side, log = new RecordedLog() } = options;
  return new AdmissionProcess(side.store, commands, queries, side.clock, log, intervalMs);
}

async function admissionState(side: CommandSide) {
  return (await side.repository.load(admissionDecider, streams.admission(performanceId))).state;
}

async function admittedUpTo(side: CommandSide): Promise<number> {
  return (await admissionState(side)).admittedUpTo;
}

/** Commands that note which queues were looked at, and when. */
class ObservedCommands implements Commands {
  /** Looks that have ended. */
  readonly looks = new Map<PerformanceId, number>();
  /** By queue, the moment of the clock at which the last look that has ended began, ms. */
  readonly lookedAtMs = new Map<PerformanceId, number>();

  constructor(
    private readonly side: CommandSide,
    private readonly commands: Commands = side,
  ) {}

  async execute<Result>(command: Command<Result>): Promise<Result> {
    const isLook = command instanceof AdmitTokens || command instanceof OpenQueue;
    const id = isLook ? command.performanceId : undefined;
    if (id === undefined) return this.commands.execute(command);
    const nowMs = this.side.clock.nowMs();
    try {
      return await this.commands.execute(command);
    } finally {
      this.looks.set(id, this.looksAt(id) + 1);
      this.lookedAtMs.set(id, nowMs);
    }
  }

  looksAt(id: PerformanceId): number {
    return this.looks.get(id) ?? 0;
  }
}

/** Answers of queues that need no log: open, and admitted as `admit` says. */
function scripted(admit: (id: PerformanceId) => Promise<AdmissionResult>): Commands {
  return {
    async execute<Result>(command: Command<Result>): Promise<Result> {
      if (command instanceof AdmitTokens) return (await admit(command.performanceId)) as Result;
      return { isOpen: true } as Result; // the process sends only OpenQueue besides
    },
  };
}

const another = (name: string | number) => performanceIdSchema.parse(deriveId('another', String(name)));

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
    const queries = { queuesToServe: async () => [poisoned, performanceId] };
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
    let served = 0;
    const release: (() => void)[] = [];
    const slow: Commands = {
      async execute() {
        served++;
        await new Promise<void>((resolve) => release.push(resolve));
        throw new Error('not now');
      },
    };
    const process = admissionOf(
      side,
      Array.from({ length: 100 }, (_, n) => another(n)),
      { commands: slow },
    );
    process.start();
    await eventually(() => served > 0);
    const before = served;
    expect(before).toBeLessThan(100);
    const stopping = process.stop();
    for (const end of release) end();
    await stopping;
    expect(served).toBe(before);
  });

  it('opens a queue at its time, not before', async () => {
    const side = createCommandSide();
    const opensAt = addMs(side.clock.now(), 20_000);
    await openTheatre(side, { sales: { opensAt } });
    for (const name of ['a', 'b']) await queued(side, name);
    const commands = new ObservedCommands(side);
    const process = admissionOf(side, [performanceId], { commands });
    process.start();
    await eventually(() => commands.lookedAtMs.get(performanceId) === side.clock.nowMs());
    for (const offsetMs of [-10_000, -5_000, -1]) {
      side.clock.moveTo(opensAt, offsetMs);
      if (offsetMs === -1) await queued(side, 'c'); // an event: the queue is looked at once more
      await eventually(() => commands.lookedAtMs.get(performanceId) === side.clock.nowMs());
      expect((await admissionState(side)).opening).toBeUndefined();
    }
    side.clock.moveTo(opensAt);
    await eventually(async () => (await admittedUpTo(side)) === 3);
    expect((await admissionState(side)).opening?.shuffledCount).toBe(3);
    await process.stop();
  });

  it('keeps the pace while the read models are three seconds behind and fans keep joining', async () => {
    const side = createCommandSide();
    const admitPerSecond = 20;
    await openTheatre(side, { sales: { admitPerSecond }, seatsPerRow: 200 });
    side.models.isCaughtUp = false;
    side.models.behindMs = 3_000;
    const commands = new ObservedCommands(side);
    const process = admissionOf(side, [performanceId], { commands });
    process.start();
    const admitted: number[] = [];
    const roundMs = 210;
    const seconds = 12;
    let joined = 0;
    for (let ms = 0; ms < seconds * 1_000; ms += roundMs) {
      side.clock.advance(roundMs);
      // A quarter more than are let in.
      for (const due = ((ms + roundMs) / 1_000) * admitPerSecond * 1.25; joined < due; joined++) {
        await queued(side, `fan ${joined}`);
      }
      await eventually(() => commands.lookedAtMs.get(performanceId) === side.clock.nowMs());
      admitted.push(await admittedUpTo(side));
    }
    await process.stop();
    const first = admitted.findIndex((places) => places > 0);
    const perSecond =
      ((admitted.at(-1) ?? 0) - (admitted[first] ?? 0)) / (((admitted.length - 1 - first) * roundMs) / 1_000);
    expect(first).toBeLessThan(3);
    expect(perSecond).toBeGreaterThan(admitPerSecond * 0.9);
    expect(perSecond).toBeLessThan(admitPerSecond * 1.1);
    expect(await contradictions(side.store)).toEqual([]);
  });
});

describe('2,000 performances on sale', () => {
  const hot = another('hot');
  const cold = Array.from({ length: 2_000 }, (_, n) => another(n));
  const nobody: AdmissionResult = { admitted: 0, isAnyoneWaiting: false, nextAt: undefined };

  /** Runs `rounds` of 200 ms; the hot queue is due in each. @returns how often the hot queue was looked at in them. */
  async function looksAtHotQueue(
    admit: (id: PerformanceId) => Promise<AdmissionResult>,
    log = new RecordedLog(),
    rounds = 50,
  ) {
    const side = createCommandSide();
    const hotResult = () => ({
      admitted: 1,
      isAnyoneWaiting: true,
      nextAt: toInstant(side.clock.nowMs() + 200),
    });
    const answers = scripted(async (id) => (id === hot ? hotResult() : admit(id)));
    const commands = new ObservedCommands(side, answers);
    const process = admissionOf(side, [...cold, hot], { commands, log });
    process.start();
    await eventually(() => commands.looksAt(hot) === 2); // opened and admitted
    const before = commands.looksAt(hot);
    for (let round = 0; round < rounds; round++) {
      side.clock.advance(200);
      await eventually(() => commands.lookedAtMs.get(hot) === side.clock.nowMs());
    }
    const looks = commands.looksAt(hot) - before;
    return { process, commands, looks, rounds };
  }

  it('cost one look each when nobody waits, and the hot queue is served in every round', async () => {
    const { process, commands, looks, rounds } = await looksAtHotQueue(async () => nobody);
    expect(looks).toBe(rounds);
    for (const id of cold) expect(commands.looksAt(id)).toBe(2); // opened and found empty
    await process.stop();
  });

  it('in which nothing can be done are looked at less and less often', async () => {
    const full = { admitted: 0, isAnyoneWaiting: true, nextAt: undefined };
    const { process, commands, looks, rounds } = await looksAtHotQueue(async () => full);
    expect(looks).toBe(rounds);
    // Ten seconds in rounds of 200 ms: after 1, 2, 4, … ms, so in each of the first rounds, then ever more rarely.
    for (const id of cold) expect(commands.looksAt(id)).toBeLessThan(15);
    await process.stop();
  });

  it('of which some never answer and others fail do not hold up the hot one, and are reported once', async () => {
    const log = new RecordedLog();
    const release: (() => void)[] = [];
    const stuck = new Set(cold.slice(0, 6));
    const { process, looks, rounds } = await looksAtHotQueue(async (id) => {
      if (!stuck.has(id)) throw new Error('the queue is broken');
      await new Promise<void>((resolve) => release.push(resolve));
      return nobody;
    }, log);
    expect(looks).toBe(rounds);
    const stopping = process.stop();
    for (const end of release) end();
    await stopping;
    const errors = log.lines.filter(({ level }) => level === 'error');
    expect(errors.length).toBeLessThan(30);
    expect(errors.slice(0, 1)).toMatchObject([
      {
        message: 'an item fails; the others go on, and it is tried again',
        details: { err: { message: 'the queue is broken' } },
      },
    ]);
  });
});
