import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerContext } from './context.js';
import type { LogRecord } from './log.js';
import { failures } from './wire.js';

type Options = streams.ReadReq.Options;

/** One open Read call. */
export interface Reading {
  readonly context: ServerContext;
  readonly options: Options;
  readonly matches: (record: LogRecord) => boolean;
  /** Resolves when the message is on its way: a client that does not read holds the server back. */
  readonly send: (message: streams.ReadResp) => Promise<void>;
  readonly isOpen: () => boolean;
  readonly whenClosed: Promise<void>;
}

export const uint64Max = 2n ** 64n - 1n;

/**
 * Index in $all a position option means: of the record there, or of the next.
 * @throws {ServiceError} when the position is inside a record.
 */
export function indexInAll(context: ServerContext, options: Options): number {
  const { log } = context;
  const all = options.getAll();
  const commit = all?.getPosition()?.getCommitPosition();
  if (all?.hasEnd() || commit === `${uint64Max}`) return log.records.length;
  if (commit === undefined) return 0;
  if (!log.isBoundary(Number(commit))) throw failures.invalidPosition();
  return log.indexAt(Number(commit));
}
