import { setTimeout as delay } from 'node:timers/promises';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { LogRecord } from './log.js';
import { indexInAll, type Reading, uint64Max } from './reading.js';
import { rulesOf, type VersionRules } from './versions.js';
import { eventMessage, failures, streamName } from './wire.js';

/** Events a page of a catch-up brings at most. */
const pageEvents = 32;

/** A place in the log as checkpoints name it: at or between records. */
interface Place {
  readonly commit: bigint;
  readonly prepare: bigint;
}

const nowhere: Place = { commit: uint64Max, prepare: uint64Max };

/**
 * A catch-up subscription: confirmation, what is there, "caught up", what comes. With a filter, checkpoints come
 * between, at places that depend on the version of the server.
 */
export async function subscribe(reading: Reading): Promise<void> {
  const { context, options, send } = reading;
  const rules = rulesOf(context.settings.version);
  const name = options.hasAll() ? undefined : streamName(options.getStream()?.getStreamIdentifier());
  const { subscriptionDelayMs } = context.faults;
  if (subscriptionDelayMs > 0) await delay(subscriptionDelayMs);
  const course = new Course(reading, name, rules);
  const confirmation = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(crypto.randomUUID());
  await send(new streams.ReadResp().setConfirmation(confirmation));
  let isLive = false;
  while (reading.isOpen()) {
    if (context.faults.areSubscriptionsMute) {
      await reading.whenClosed;
      return;
    }
    if (name !== undefined && context.log.stream(name)?.isTombstoned) throw failures.streamDeleted(name);
    // Taken before looking, so that what is written in between wakes the wait below.
    const changed = context.log.changed();
    if (await course.sendNext(isLive)) continue;
    if (!isLive) {
      isLive = true;
      await course.goLive();
      if (rules.sendsCaughtUp) {
        await send(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
      }
      continue;
    }
    await Promise.race([changed, reading.whenClosed]);
  }
}

/** How far a subscription has got. */
class Course {
  private next: number;
  private sent = 0;
  private readonly window: number;
  /** Events to look at between two checkpoints; 0 for none. */
  private readonly checkpointInterval: number;
  /** Events looked at since the last checkpoint that the interval called for. */
  private counted = 0;
  private page: { readonly start: Place; looked: number; matched: number };
  /** The last event or checkpoint sent, or the place the subscription began behind. */
  private reached: Place | undefined;
  private lastCheckpoint: Place | undefined;
  /** Whether the subscription began at the newest event or behind it. */
  private readonly beginsAtEnd: boolean;

  constructor(
    private readonly reading: Reading,
    private readonly name: string | undefined,
    private readonly rules: VersionRules,
  ) {
    const { context, options } = reading;
    const filter = options.getFilter();
    this.window = filter?.hasMax() ? filter.getMax() : pageEvents;
    this.checkpointInterval = filter ? this.window * filter.getCheckpointintervalmultiplier() : 0;
    this.next = name === undefined ? this.startInAll() : this.startInStream(name);
    const stream = name === undefined ? undefined : context.log.stream(name);
    if (stream) this.next = Math.max(this.next, context.log.firstVisible(stream));
    const position = options.getAll()?.getPosition();
    if (position !== undefined) {
      const [commit, prepare] = [position.getCommitPosition(), position.getPreparePosition()].map(BigInt);
      this.reached = { commit: commit ?? 0n, prepare: prepare ?? 0n };
    }
    const newest = context.log.records.at(-1);
    this.beginsAtEnd =
      this.reached !== undefined && newest !== undefined && !isBefore(this.reached, placeAt(newest));
    this.page = this.newPage();
  }

  /** Sends the messages of the next record; false when there is no next record. */
  async sendNext(isLive: boolean): Promise<boolean> {
    const { context, matches, send } = this.reading;
    const record = this.records[this.next];
    if (record === undefined) return false;
    this.next += 1;
    const isMatch = matches(record);
    if (isMatch) {
      await send(eventMessage(record));
      this.reached = placeAt(record);
      this.sent += 1;
      context.reading.subscribedEvents += 1;
      if (this.sent >= context.faults.dropSubscriptionsAfterEvents) throw failures.unavailable();
    }
    if (this.checkpointInterval === 0) return true;
    if (context.faults.isWild()) await this.sendPlace(this.wildPlace(record));
    if (isLive) await this.countLive(record);
    else await this.countInPage(isMatch);
    return true;
  }

  /** The messages at the end of a catch-up. */
  async goLive(): Promise<void> {
    if (this.checkpointInterval === 0) return;
    const { start, looked } = this.page;
    const isLooked = this.rules.checkpointAtEnd === 'page' || looked > 0;
    if (this.rules.checkpointAtEnd !== 'none' && !this.beginsAtEnd) {
      if (this.rules.checkpointAtEnd !== 'last-sent' && isLooked) this.reached = later(this.reached, start);
      await this.sendCheckpoint(this.reached ?? nowhere);
    }
    this.counted = this.rules.countsCatchUp ? this.counted + looked : 0;
  }

  private async countInPage(isMatch: boolean): Promise<void> {
    this.page.looked += 1;
    if (isMatch) this.page.matched += 1;
    if (this.page.looked < this.window && this.page.matched < pageEvents) return;
    const { start, looked } = this.page;
    this.page = this.newPage();
    this.counted += looked;
    if (this.counted < this.checkpointInterval) return;
    this.counted %= this.checkpointInterval;
    this.reached = later(this.reached, start);
    await this.sendCheckpoint(this.reached);
  }

  private async countLive(record: LogRecord): Promise<void> {
    this.counted += 1;
    if (this.counted < this.checkpointInterval) return;
    this.counted = 0;
    await this.sendCheckpoint(this.rules.repeatsLivePlace ? this.page.start : placeAt(record));
  }

  /** Servers that send one at the end of a catch-up leave out what is no later than the checkpoint before. */
  private async sendCheckpoint(place: Place): Promise<void> {
    const isLater = this.lastCheckpoint === undefined || isBefore(this.lastCheckpoint, place);
    if (this.rules.checkpointAtEnd !== 'none' && !isLater) return;
    this.lastCheckpoint = place;
    await this.sendPlace(place);
  }

  private async sendPlace({ commit, prepare }: Place): Promise<void> {
    const checkpoint = new streams.ReadResp.Checkpoint()
      .setCommitPosition(`${commit}`)
      .setPreparePosition(`${prepare}`);
    await this.reading.send(new streams.ReadResp().setCheckpoint(checkpoint));
  }

  /** Any place at all: of this record or another, sent already or not, between records, inside one, or nowhere. */
  private wildPlace(record: LogRecord): Place {
    const { faults, log } = this.reading.context;
    const other = log.records[faults.below(log.records.length)] ?? record;
    const numbers = [
      record.position,
      record.endPosition,
      other.position,
      other.endPosition,
      other.position + 1,
      record.position + faults.below(100_000),
      0,
      2 ** 53,
    ].map(BigInt);
    const commit = [...numbers, uint64Max][faults.below(numbers.length + 1)] ?? uint64Max;
    return { commit, prepare: faults.below(3) === 0 ? 0n : commit };
  }

  private newPage(): Course['page'] {
    const before = this.records[this.next - 1];
    const start =
      before === undefined
        ? { commit: 0n, prepare: 0n }
        : { commit: BigInt(before.endPosition), prepare: 0n };
    return { start, looked: 0, matched: 0 };
  }

  private get records(): readonly LogRecord[] {
    const { log } = this.reading.context;
    return this.name === undefined ? log.records : (log.stream(this.name)?.records ?? []);
  }

  /** The first record behind the position asked for: (commit, prepare) below the record's own twice is before it. */
  private startInAll(): number {
    const { context, options } = this.reading;
    const index = indexInAll(context, options);
    const position = options.getAll()?.getPosition();
    const record = context.log.records[index];
    if (position === undefined || record === undefined) return index;
    if (context.faults.doSubscriptionsRepeat) return index;
    if (this.rules.skipsEventAtPlace) return index + 1;
    const isAtRecord = Number(position.getCommitPosition()) === record.position;
    return isAtRecord && Number(position.getPreparePosition()) >= record.position ? index + 1 : index;
  }

  private startInStream(name: string): number {
    const options = this.reading.options.getStream();
    if (options?.hasEnd()) return this.reading.context.log.stream(name)?.records.length ?? 0;
    return options?.hasRevision() ? Number(options.getRevision()) + 1 : 0;
  }
}

function placeAt({ position }: LogRecord): Place {
  return { commit: BigInt(position), prepare: BigInt(position) };
}

function isBefore(place: Place, other: Place): boolean {
  return place.commit === other.commit ? place.prepare < other.prepare : place.commit < other.commit;
}

function later(place: Place | undefined, other: Place): Place {
  return place === undefined || isBefore(place, other) ? other : place;
}
