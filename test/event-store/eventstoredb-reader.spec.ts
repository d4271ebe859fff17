import { setTimeout as realDelay } from 'node:timers/promises';
import { prepareAppend } from '../../src/event-store/append.js';
import { Appender, type AppenderOptions } from '../../src/event-store/eventstoredb/appender.js';
import type { Client, Connection } from '../../src/event-store/eventstoredb/connection.js';
import { Reader } from '../../src/event-store/eventstoredb/reader.js';
import { newEvents } from './new-event.js';

const timeoutMs = 1_000;
/** Stands for a message without an event, as EventStoreDB sends them too. */
const message = { getEvent: () => undefined };

/** A call that brings messages at the given intervals, then ends, or stays silent. */
class FakeCall {
  isCancelled = false;
  #cancel: (error: Error) => void = () => {};

  constructor(
    private readonly pausesMs: readonly number[],
    private readonly thenSilent = false,
  ) {}

  cancel(): void {
    this.isCancelled = true;
    this.#cancel(new Error('cancelled'));
  }

  async *[Symbol.asyncIterator]() {
    const cancelled = new Promise<never>((_, reject) => {
      this.#cancel = reject;
    });
    for (const pauseMs of this.pausesMs) {
      await Promise.race([new Promise((resolve) => setTimeout(resolve, pauseMs)), cancelled]);
      yield message;
    }
    if (this.thenSilent) await cancelled;
  }
}

/** Lets the time of the read pass; pauses between attempts are in real time. */
async function pass<Result>(read: Promise<Result>): Promise<Result> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  read.then(over, over);
  while (!isOver) {
    await jest.advanceTimersByTimeAsync(10);
    await realDelay(1);
  }
  return read;
}

function readerOf(calls: readonly FakeCall[]) {
  let next = 0;
  const retired: string[] = [];
  // A reader asks a client for nothing but calls.
  const client = { read: async () => calls[next++] } as unknown as Client;
  const connection: Pick<Connection, 'current' | 'worked' | 'retire'> = {
    current: async () => client,
    worked: () => {},
    retire: (_, reason) => retired.push(reason),
  };
  return { reader: new Reader(connection, timeoutMs), retired, opened: () => next };
}

describe('a read from EventStoreDB', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('that brings events is not given up, however long it takes', async () => {
    const { reader, retired, opened } = readerOf([new FakeCall(Array.from({ length: 20 }, () => 400))]);
    await pass(reader.readStream('seat-1', { direction: 'forwards', from: 0, limit: 10 }));
    expect([opened(), retired]).toEqual([1, []]);
  });

  it('that falls silent is begun anew on another connection', async () => {
    const silent = new FakeCall([10, 10], true);
    const { reader, retired, opened } = readerOf([silent, new FakeCall([10])]);
    await pass(reader.readStream('seat-1', { direction: 'forwards', from: 0, limit: 10 }));
    expect([opened(), retired]).toEqual([2, ['the server sent nothing for 500 ms']]);
    expect(silent.isCancelled).toBe(true);
  });

  it('that stays silent is given up in time', async () => {
    const { reader } = readerOf(Array.from({ length: 20 }, () => new FakeCall([], true)));
    await expect(
      pass(reader.readStream('seat-1', { direction: 'forwards', from: 0, limit: 10 })),
    ).rejects.toThrow('does not answer a read: the server sent nothing');
  });

  it('with little time left gives up alone, and leaves the connection to others', async () => {
    const { reader, retired } = readerOf(Array.from({ length: 30 }, () => new FakeCall([], true)));
    await expect(
      pass(reader.readStream('seat-1', { direction: 'forwards', from: 0, limit: 10 })),
    ).rejects.toThrow('does not answer a read: the server sent nothing');
    expect(retired[0]).toBe('the server sent nothing for 500 ms');
    const waitedMs = retired.map((reason) => Number(/\d+/.exec(reason)?.[0]));
    expect(waitedMs.filter((ms) => ms < timeoutMs / 6)).toEqual([]);
  });
});

describe('an append to EventStoreDB', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('with little time left gives up alone, and leaves the connection to others', async () => {
    const attemptTimeoutMs = 400;
    const triedForMs: number[] = [];
    const retiredAfterMs: (number | undefined)[] = [];
    const attempt = async (_: unknown, __: unknown, waitMs: number) => {
      triedForMs.push(waitMs);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      return { outcome: { kind: 'transient', reason: 'silence' }, isStuck: true };
    };
    const client = { hasConnected: true, batch: async () => ({ attempt, isOpen: true }) };
    const connection = {
      current: async () => client,
      worked: () => retiredAfterMs.push(Number.NaN),
      retire: () => retiredAfterMs.push(triedForMs.at(-1)),
    };
    const parts = { connection, starts: { isPending: false }, appendTimeoutMs: 1_000, attemptTimeoutMs };
    // It asks its parts for nothing else.
    const options = {
      ...parts,
      maxWaitingAppends: 1,
      maxWaitingBytes: 1_000_000,
    } as unknown as AppenderOptions;
    const appending = new Appender(options).append(prepareAppend('note-1', 'none', newEvents(1)));
    await expect(pass(appending)).rejects.toThrow('silence');
    expect(triedForMs.at(-1)).toBeLessThan(attemptTimeoutMs);
    expect(retiredAfterMs).toEqual(triedForMs.filter((ms) => ms === attemptTimeoutMs));
  });
});
