import { setTimeout as delay } from 'node:timers/promises';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import type { ServerContext } from './context.js';
import type { LogRecord } from './log.js';
import { indexInAll, type Reading } from './reading.js';
import { subscribe } from './subscription.js';
import { rulesOf } from './versions.js';
import { eventMessage, failure, failures, isFailure, streamIdentifier, streamName } from './wire.js';

export type ReadCall = ServerWritableStream<streams.ReadReq, streams.ReadResp>;
/** Read: of a stream or $all, both ways, filtered; with a subscription option it goes on for ever. */
export async function readCall(context: ServerContext, call: ReadCall): Promise<void> {
  if (context.faults.doReadsHang) return;
  const options = call.request.getOptions() ?? new streams.ReadReq.Options();
  let isOpen = true;
  const whenClosed = new Promise<void>((resolve) => {
    const close = (): void => {
      isOpen = false;
      resolve();
    };
    for (const event of ['cancelled', 'error', 'close']) call.on(event, close);
  });
  const send = async (message: streams.ReadResp): Promise<void> => {
    if (!isOpen || call.write(message)) return;
    await Promise.race([whenClosed, new Promise((resolve) => call.once('drain', resolve))]);
  };
  const kind = options.hasSubscription() ? 'subscriptions' : 'reads';
  context.reading[kind] += 1;
  try {
    const matches = filterOf(options.getFilter());
    const reading = {
      context,
      options,
      matches,
      send,
      isOpen: () => isOpen && !context.isDead(),
      whenClosed,
    };
    const name = options.hasAll() ? '$all' : streamName(options.getStream()?.getStreamIdentifier());
    if (!context.access.mayRead(call.metadata, name)) throw failures.accessDenied();
    if (options.hasSubscription()) await subscribe(reading);
    else if (options.hasAll()) await readAll(reading);
    else await readStream(reading);
    if (reading.isOpen()) call.end();
  } catch (error) {
    if (isOpen) call.emit('error', isFailure(error) ? error : failure(status.UNKNOWN, String(error)));
  } finally {
    context.reading[kind] -= 1;
  }
}

/** @throws {ServiceError} when the regular expression is none. */
function filterOf(filter: streams.ReadReq.Options.FilterOptions | undefined): (record: LogRecord) => boolean {
  if (filter === undefined) return () => true;
  const byType = filter.getEventType();
  const expression = byType ?? filter.getStreamIdentifier();
  const textOf = (record: LogRecord): string => (byType ? record.type : record.stream);
  const prefixes = expression?.getPrefixList() ?? [];
  if (!expression?.getRegex())
    return (record) => prefixes.some((prefix) => textOf(record).startsWith(prefix));
  try {
    const pattern = new RegExp(expression.getRegex(), 'u');
    return (record) => pattern.test(textOf(record));
  } catch (error) {
    throw failure(status.INVALID_ARGUMENT, String(error));
  }
}

async function readAll(reading: Reading): Promise<void> {
  const { context, options } = reading;
  const isBackwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
  const index = indexOfRead(reading, isBackwards);
  const isSearch = options.hasFilter();
  // A read is of the log as it stood. Backwards the position is exclusive.
  const end = isBackwards ? -1 : context.log.records.length;
  const step = isBackwards ? -1 : 1;
  let left = Number(options.getCount());
  for (let at = isBackwards ? index - 1 : index; at !== end && left > 0 && reading.isOpen(); at += step) {
    const record = context.log.records[at];
    if (record === undefined) return;
    if (isSearch) await searched(reading);
    if (!reading.matches(record)) continue;
    left -= 1;
    await reading.send(eventMessage(record));
  }
}

/** @throws {ServiceError} for a position inside a record and, backwards, for one behind the log. */
function indexOfRead({ context, options }: Reading, isBackwards: boolean): number {
  const commit = options.getAll()?.getPosition()?.getCommitPosition();
  if (commit !== undefined && isBackwards && Number(commit) > context.log.endPosition) {
    throw failures.unexpectedResult('Error');
  }
  if (commit !== undefined && !context.log.isBoundary(Number(commit))) {
    throw failures.unexpectedResult(rulesOf(context.settings.version).invalidPosition);
  }
  return indexInAll(context, options);
}

/** Counts an event that a filtered read looks at, and takes the time planned for it. */
async function searched({ context, whenClosed }: Reading): Promise<void> {
  context.reading.searchedEvents += 1;
  const { searchMsPer100 } = context.faults;
  if (searchMsPer100 === 0 || context.reading.searchedEvents % 100 !== 0) return;
  await Promise.race([whenClosed, delay(searchMsPer100)]);
}

async function readStream(reading: Reading): Promise<void> {
  const { context, options } = reading;
  const streamOptions = options.getStream();
  const name = streamName(streamOptions?.getStreamIdentifier());
  const stream = context.log.stream(name);
  if (stream?.isTombstoned) throw failures.streamDeleted(name);
  if (!stream || stream.records.length === 0 || context.log.isSoftDeleted(stream)) {
    const notFound = new streams.ReadResp.StreamNotFound().setStreamIdentifier(streamIdentifier(name));
    return reading.send(new streams.ReadResp().setStreamNotFound(notFound));
  }
  const isBackwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
  const first = context.log.firstVisible(stream);
  const last = stream.records.length - 1;
  const asked = streamOptions?.hasEnd() ? last + 1 : Number(streamOptions?.getRevision() || 0);
  let at = isBackwards ? Math.min(asked, last) : Math.max(asked, first);
  const step = isBackwards ? -1 : 1;
  for (let left = Number(options.getCount()); at >= first && at <= last && left > 0; at += step, left--) {
    const record = stream.records[at];
    if (record === undefined || !reading.isOpen()) return;
    await reading.send(eventMessage(record));
  }
}
