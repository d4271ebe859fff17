import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { appendOneByOne } from '../event-store/append.js';
import {
  type AppendResult,
  type EventStore,
  type ExpectedRevision,
  LogReplaced,
  type NewEvent,
  type Position,
  type ReadOptions,
  type RecordedEvent,
  type Revision,
  StoreUnavailable,
  type StreamAppend,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionBatch,
} from '../event-store/port.js';
import { systemClock } from '../platform/clock.js';
import { allProjections } from '../projections/all-projections.js';
import {
  type ComparedLog,
  isComparable,
  type MadeTables,
  type Misfit,
  misfit,
  misfitOf,
  TablesOfAnotherLog,
} from '../projections/engine/made-from.js';
import type { ReadModelLocation, ReadModels } from '../projections/open-read-models.js';
import { addRebuild, leaseMs, type RebuildProgress } from '../projections/rebuild/rebuild-record.js';
import { runRebuild } from '../projections/rebuild/rebuilder.js';
import { projectionStates } from '../queries/projection-progress.js';

/** The newest event this process has seen in the log. */
interface SeenEvent extends Pick<RecordedEvent, 'stream' | 'revision' | 'position' | 'id'> {
  /** Unknown of an event this process has appended, until it reads it. */
  readonly recordedAtMs?: number;
}

/**
 * Whether the log and the read models of this process belong together. Once they do not, the process refuses for good:
 * the state it holds in memory (streams, seats, replies) is of a log that is gone. A new process starts without it.
 */
export class LogFit {
  #refusal: string | undefined;
  #newest: SeenEvent | undefined;

  /**
   * @param mayLag the log is read from a follower, which may not have the newest events yet: missing ones are no proof.
   * @param onRefused called once, with what does not match.
   */
  constructor(
    private readonly log: { error(details: object, message: string): void },
    readonly mayLag: boolean,
    private readonly onRefused: (misfit: Misfit) => void = () => undefined,
  ) {}

  /** Why nothing is served or written any more; undefined while log and read models belong together. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Records a mismatch, unless the follower's lag explains it. */
  found(misfit: Misfit): void {
    const { kind, sentence } = misfit;
    if (this.#refusal !== undefined || (this.mayLag && kind !== 'other-log')) return;
    this.#refusal = sentence;
    this.log.error({ misfit: kind }, `nothing is served any more: ${sentence}`);
    this.onRefused(misfit);
  }

  /** Compares the read models with the log. @returns what does not match; undefined when they belong together. */
  async check(log: ComparedLog, readModels: Pick<ReadModels, 'read'>): Promise<string | undefined> {
    const found = await misfitOf(log, await madeTables(readModels));
    if (found) this.found(found);
    return this.#refusal ?? found?.sentence;
  }

  /** Remembers the newest event of the log, to find it again after a reconnect. */
  saw(event: SeenEvent): void {
    const { stream, revision, position, id, recordedAtMs } = event;
    const known = this.#newest?.position ?? Number.NEGATIVE_INFINITY;
    if (position < known || (position === known && recordedAtMs === undefined)) return;
    // A copy without the data, which may be large.
    this.#newest = {
      stream,
      revision,
      position,
      id,
      ...(recordedAtMs === undefined ? {} : { recordedAtMs }),
    };
  }

  /**
   * Checks, after a lost connection, that the server still has the same log.
   * @throws {LogReplaced} when the newest event this process has seen is missing or is another one.
   */
  async recognise(
    eventAt: (stream: string, revision: Revision) => Promise<RecordedEvent | undefined>,
  ): Promise<void> {
    const seen = this.#newest;
    if (!seen) return;
    const event = await eventAt(seen.stream, seen.revision);
    if (event && isSame(event, seen)) return;
    const what = `event ${seen.revision} of stream ${seen.stream}, read at position ${seen.position} before,`;
    const lost = misfit(
      event ? 'other-log' : 'older-log',
      `The log is not the one this process has worked with, since ${what} is ${event ? 'another one' : 'not there'}`,
    );
    this.found(lost);
    // A follower may get the event later.
    throw this.#refusal === undefined ? new StoreUnavailable(lost.sentence) : new LogReplaced(lost.sentence);
  }
}

function isSame(event: RecordedEvent, seen: SeenEvent): boolean {
  const { revision, position, id, recordedAtMs = event.recordedAtMs } = seen;
  const hasPlace = event.revision === revision && event.position === position;
  return hasPlace && event.id === id && event.recordedAtMs === recordedAtMs;
}

/** The log, with appends refused once {@link LogFit} refuses. Records the newest event that it appends or delivers. */
export class FittingStore implements EventStore {
  /** @param isWatched whether the log can be replaced while this process runs: a server's can, a locked file cannot. */
  constructor(
    private readonly store: EventStore,
    private readonly fit: LogFit,
    private readonly isWatched: boolean,
  ) {}

  append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]): Promise<AppendResult> {
    const { refusal } = this.fit;
    if (refusal !== undefined)
      return Promise.reject(new StoreUnavailable(`nothing was appended: ${refusal}`));
    const appending = this.store.append(stream, expected, events);
    // Not async, and no extra promise for the embedded log: every command appends.
    return this.isWatched ? this.#watched(appending, stream, events) : appending;
  }

  appendInOrder(appends: readonly StreamAppend[]): Promise<readonly AppendResult[]> {
    // A server that can be replaced has no transaction over streams either, and each append is to be watched.
    if (this.isWatched) return appendOneByOne(this, appends);
    const { refusal } = this.fit;
    if (refusal !== undefined)
      return Promise.reject(new StoreUnavailable(`nothing was appended: ${refusal}`));
    return this.store.appendInOrder(appends);
  }

  readStream(stream: string, options?: ReadOptions<Revision>): Promise<RecordedEvent[]> {
    return this.store.readStream(stream, options);
  }

  readCategory(category: string, options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.store.readCategory(category, options);
  }

  readAll(options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.store.readAll(options);
  }

  subscribe(options: SubscribeOptions, handler: (batch: SubscriptionBatch) => Promise<void>): Subscription {
    if (!this.isWatched) return this.store.subscribe(options, handler);
    return this.store.subscribe(options, (batch) => {
      const last = batch.events.at(-1);
      if (last) this.fit.saw(last);
      return handler(batch);
    });
  }

  head(): Promise<Position | undefined> {
    return this.store.head();
  }

  close(): Promise<void> {
    return this.store.close();
  }

  async #watched(
    appending: Promise<AppendResult>,
    stream: string,
    events: readonly NewEvent[],
  ): Promise<AppendResult> {
    try {
      const result = await appending;
      const id = events.at(-1)?.id;
      const { revision, position, replayed } = result;
      if (id !== undefined && !replayed) this.fit.saw({ stream, revision, position, id });
      return result;
    } catch (error) {
      const { refusal } = this.fit;
      throw refusal === undefined ? error : new StoreUnavailable(refusal, { cause: error });
    }
  }
}

interface Parts {
  readonly fit: LogFit;
  /** The log as projections read it. */
  readonly store: EventStore;
  readonly readModels: ReadModels;
  readonly location: ReadModelLocation;
  /** Log and tables are files of this process, so no address can be wrong. */
  readonly isEmbedded: boolean;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
  /** Stops a rebuild and the wait for one; default: nothing does. */
  readonly signal?: AbortSignal | undefined;
}

/** Pause before trying again while another process rebuilds, or has died while rebuilding. */
const retryMs = 1_000;

/**
 * Checks, before anything is served or projected, that tables and log belong together. Embedded tables that do not match
 * are rebuilt, unless the log is empty; so are tables on any engine whose checkpoint is not a valid position.
 * @throws {TablesOfAnotherLog} when an operator has to decide; the signal's reason when it aborts: the tables are then as
 * they were.
 */
export async function bringTogether(parts: Parts): Promise<void> {
  const { fit, store, readModels, isEmbedded, log } = parts;
  let isWaiting = false;
  for (let attempt = 1; ; attempt++) {
    parts.signal?.throwIfAborted();
    const tables = await madeTables(readModels);
    const found = (await misfitOf(store, tables.filter(isComparable))) ?? (await misfitOf(store, tables));
    if (!found) break;
    const isRebuilt = found.kind === 'damaged-checkpoint' || (isEmbedded && found.kind !== 'empty-log');
    // A follower may get the missing events later: readiness and projections compare again until it has them.
    if (fit.mayLag && (found.kind === 'older-log' || found.kind === 'empty-log')) break;
    if (!isRebuilt) throw new TablesOfAnotherLog(found);
    const wrong = found.kind === 'damaged-checkpoint' ? tables.filter((one) => !isComparable(one)) : tables;
    // Once, however long another process takes to rebuild them.
    if (attempt === 1) {
      const names = wrong.map(({ name }) => name).join(', ');
      log.warn({ misfit: found.kind }, `${found.found}: rebuilt from the log before the start: ${names}`);
    }
    if (await rebuildNow(parts, wrong)) continue;
    if (!isWaiting) {
      const atMost = `${leaseMs / 1_000} s at most if its process was killed`;
      log.warn({}, `another rebuild has not ended: the start waits for it, ${atMost}`);
      isWaiting = true;
    }
    await delay(retryMs, undefined, { signal: parts.signal });
  }
  const [newest] = await store.readAll({ from: 'end', direction: 'backwards', limit: 1 });
  if (newest) fit.saw(newest);
}

async function madeTables({ read }: Pick<ReadModels, 'read'>): Promise<MadeTables[]> {
  const names = allProjections.map(({ name }) => name);
  return [...(await projectionStates(read, names))].map(([name, checkpoint]) => ({ ...checkpoint, name }));
}

/** @returns false when another process rebuilds, or has died while rebuilding and its lease still runs. */
async function rebuildNow(
  { store, readModels, location, log, signal = new AbortController().signal }: Parts,
  tables: readonly MadeTables[],
): Promise<boolean> {
  const rebuildId = randomUUID();
  const names = tables.map(({ name }) => name);
  const request = { names, compareOnly: false, restart: false };
  const isOurs = await readModels.dialect.withSession(readModels.write, (session) =>
    addRebuild(session, { rebuildId, status: 'running', request }, systemClock.now()),
  );
  if (!isOurs) return false;
  await runRebuild({
    rebuildId,
    store,
    models: readModels,
    location,
    projections: allProjections.filter(({ name }) => names.includes(name)),
    request,
    pauseMs: 0,
    signal,
    onProgress: progressLines(log),
  });
  return true;
}

/** Pause between two lines about one rebuild, ms. */
const progressEveryMs = 5_000;

/** Logs how far a rebuild is, now and then: the start waits for it, and nothing is served meanwhile. */
export function progressLines(
  log: Pick<Parts['log'], 'info'>,
  nowMs: () => number = () => performance.now(),
): (progress: RebuildProgress) => void {
  let lastMs = nowMs();
  return ({ phase, position, target, secondsLeft }) => {
    if (nowMs() - lastMs < progressEveryMs) return;
    lastMs = nowMs();
    log.info(
      { phase, position, target, secondsLeft },
      `read models are rebuilt before the start: position ${position} of ${target}`,
    );
  };
}
