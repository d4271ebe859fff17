import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { LogRecord } from './log-records.js';
import { indexInAll, type Reading } from './reading.js';
import { eventMessage, failures, streamName } from './wire.js';

/** Records a catch-up looks at before it goes on with the next page. */
const defaultWindow = 32;

/**
 * A catch-up subscription: confirmation, what is there, "caught up", what comes. With a filter, checkpoints say
 * how far it has got where nothing matches.
 */
export async function subscribe(reading: Reading): Promise<void> {
  const { context, options, send } = reading;
  const name = options.hasAll() ? undefined : streamName(options.getStream()?.getStreamIdentifier());
  const course = new Course(reading, name);
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
      await course.sendLastCheckpoint();
      if (context.settings.sendsCaughtUp) {
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
  private considered = 0;
  private sent = 0;
  private readonly checkpointInterval: number;
  private lastCheckpoint = '';

  constructor(
    private readonly reading: Reading,
    private readonly name: string | undefined,
  ) {
    const { context, options } = reading;
    const filter = options.getFilter();
    const window = filter?.hasMax() ? filter.getMax() : defaultWindow;
    this.checkpointInterval = filter ? window * filter.getCheckpointintervalmultiplier() : 0;
    this.next = name === undefined ? this.startInAll() : this.startInStream(name);
    const stream = name === undefined ? undefined : context.log.stream(name);
    if (stream) this.next = Math.max(this.next, context.log.firstVisible(stream));
  }

  /** Sends what the next record calls for; false when there is no next record. */
  async sendNext(isLive: boolean): Promise<boolean> {
    const record = this.records[this.next];
    if (record === undefined) return false;
    this.next += 1;
    if (this.reading.matches(record)) {
      await this.reading.send(eventMessage(record));
      this.sent += 1;
      this.reading.context.reading.subscribedEvents += 1;
      if (this.sent >= this.reading.context.faults.dropSubscriptionsAfterEvents) throw failures.unavailable();
    }
    this.considered += 1;
    if (this.checkpointInterval > 0 && this.considered % this.checkpointInterval === 0) {
      // Live, a checkpoint is an event's own position; catching up it is where the next page begins.
      if (isLive) await this.sendCheckpoint(record.position, record.position);
      else await this.sendCheckpoint(record.endPosition, 0);
    }
    return true;
  }

  /** At the end of the catch-up: as far as it has looked. */
  async sendLastCheckpoint(): Promise<void> {
    const record = this.records[this.next - 1];
    if (this.checkpointInterval === 0 || record === undefined || this.considered === 0) return;
    await this.sendCheckpoint(record.endPosition, 0);
  }

  private async sendCheckpoint(commit: number, prepare: number): Promise<void> {
    const key = `${commit}/${prepare}`;
    if (key === this.lastCheckpoint) return;
    this.lastCheckpoint = key;
    const checkpoint = new streams.ReadResp.Checkpoint()
      .setCommitPosition(`${commit}`)
      .setPreparePosition(`${prepare}`);
    await this.reading.send(new streams.ReadResp().setCheckpoint(checkpoint));
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
    const isAtRecord = Number(position.getCommitPosition()) === record.position;
    if (context.faults.doSubscriptionsRepeat) return index;
    return isAtRecord && Number(position.getPreparePosition()) >= record.position ? index + 1 : index;
  }

  private startInStream(name: string): number {
    const options = this.reading.options.getStream();
    if (options?.hasEnd()) return this.reading.context.log.stream(name)?.records.length ?? 0;
    return options?.hasRevision() ? Number(options.getRevision()) + 1 : 0;
  }
}
