/**
 * The event store as the product sees it: a durable, totally ordered log of events in named streams.
 * Engines (SQLite, in memory, EventStoreDB) implement it and pass one contract suite
 * (test/event-store/contract.ts). It does not interpret events.
 */

/**
 * An event's place in the whole log. Positions only grow; compare them, never calculate with them:
 * engines leave gaps.
 */
export type Position = number & { readonly __brand: 'Position' };

/** An embedded engine counts its events 1, 2, 3, …: that number is the position. */
export function asPosition(position: number): Position {
  return position as Position;
}

/** An event's place in its stream: 0, 1, 2, … without gaps. */
export type Revision = number;

/** The condition of an append: the stream has no events yet, has exactly this last revision, or is in any state. */
export type ExpectedRevision = 'none' | 'any' | Revision;

/** Largest event (data and metadata as UTF-8 JSON) any engine accepts, in bytes. */
export const maxEventBytes = 1024 * 1024;
/** Most events in one append. */
export const maxEventsPerAppend = 1000;
/** Most events one read returns. */
export const maxReadCount = 4096;

export interface NewEvent {
  /** UUID. A retry of an append uses the same ids, so that it happens once. */
  readonly id: string;
  readonly type: string;
  /** JSON. */
  readonly data: unknown;
  /** JSON. */
  readonly metadata: unknown;
}

export interface RecordedEvent extends NewEvent {
  readonly stream: string;
  readonly revision: Revision;
  readonly position: Position;
  /** The store's clock when the event was written, milliseconds since 1970. */
  readonly recordedAtMs: number;
}

/** One of several appends: see {@link EventStore.appendInOrder}. */
export interface StreamAppend {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly NewEvent[];
}

/** Most appends in one call of {@link EventStore.appendInOrder}. */
export const maxAppendsInOrder = 32;

export interface AppendResult {
  /** Revision of the last event appended. */
  readonly revision: Revision;
  /** Position of the last event appended. */
  readonly position: Position;
  /** True when the stream already had these events and nothing was written. */
  readonly replayed: boolean;
}

export interface ReadOptions<Cursor> {
  /** First event to return: a revision or position (inclusive), or an end of the log. Default: the natural start. */
  readonly from?: Cursor | 'start' | 'end';
  /** Default forwards. */
  readonly direction?: 'forwards' | 'backwards';
  /** 1 … {@link maxReadCount}; default {@link maxReadCount}. */
  readonly limit?: number;
}

export interface SubscribeOptions {
  /** Deliver events after this position; `start` for all, `end` for those appended from now on. */
  readonly after: Position | 'start' | 'end';
  /** Only streams of these categories; default all. */
  readonly categories?: readonly string[];
  /** Most events handed over at once; default 512. */
  readonly batchSize?: number;
}

export interface SubscriptionBatch {
  /** In log order. May be empty, in the first batch too: the subscription has caught up, or its position has moved. */
  readonly events: readonly RecordedEvent[];
  /**
   * Everything up to here has been delivered or does not match the filter: the position to resume after. That of an
   * event, or 0 for the start of the log; never less than in the batch before.
   */
  readonly position: Position;
  /** True when nothing more was waiting in the log at this moment. */
  readonly caughtUp: boolean;
}

export interface Subscription {
  /** Stops delivery; resolves when the handler is not running any more. Safe to call twice. */
  stop(): Promise<void>;
  /** Settles when the subscription ends: resolves after stop(), rejects with the error that ended it. */
  readonly done: Promise<void>;
}

export abstract class EventStore {
  /**
   * Appends all events or none. Resolves only after they are durable.
   *
   * Idempotent by event id: if the stream already holds exactly these events from the expected revision on,
   * the original result is returned with `replayed: true`. (With `any` an engine recognises a retry only on a
   * best-effort basis, so folds must tolerate a second copy.)
   * @throws {WrongExpectedRevision} when the stream is not at `expected`.
   * @throws {EventTooLarge} when an event exceeds {@link maxEventBytes}; nothing is written.
   * @throws {StoreBusy} when too many appends wait; nothing is written.
   * @throws {StoreUnavailable} when the outcome is unknown or the store is closed; retry with the same ids.
   */
  abstract append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
  ): Promise<AppendResult>;

  /**
   * Several appends, each only if everything before it was written: a crash leaves some of the first ones, or all, but
   * never a later one without those before it. An engine may make them durable together. The first append that is
   * refused, or whose events the stream has already, ends it: neither it nor any after it is written.
   * @param appends 1 … {@link maxAppendsInOrder}.
   * @returns the results of those that were written; the next one, if any, was not.
   * @throws {EventTooLarge} {@link StoreBusy} when the first append fails so; nothing is written.
   * @throws {StoreUnavailable} when it is unknown how many were written, or the store is closed.
   */
  abstract appendInOrder(appends: readonly StreamAppend[]): Promise<readonly AppendResult[]>;

  /** A page of one stream; empty if the stream does not exist. */
  abstract readStream(stream: string, options?: ReadOptions<Revision>): Promise<RecordedEvent[]>;

  /** A page of all streams whose name starts with `<category>-`, in log order. */
  abstract readCategory(category: string, options?: ReadOptions<Position>): Promise<RecordedEvent[]>;

  /** A page of the whole log. @throws {NoEventAtPosition} in some engines, when `from` is a position of another log. */
  abstract readAll(options?: ReadOptions<Position>): Promise<RecordedEvent[]>;

  /**
   * Calls `handler` with every matching event after a position, in log order, without gaps or repeats, waiting for each
   * call before the next, and continues with new events as they are committed. It ends when the handler rejects.
   */
  abstract subscribe(
    options: SubscribeOptions,
    handler: (batch: SubscriptionBatch) => Promise<void>,
  ): Subscription;

  /** Position of the newest event, or undefined in an empty log. */
  abstract head(): Promise<Position | undefined>;

  /** Finishes accepted appends, stops subscriptions and closes files or connections. Safe to call twice. */
  abstract close(): Promise<void>;
}

/** An event as its engine stores it, byte by byte, before anything is parsed or decrypted. */
export interface StoredEvent {
  readonly position: number;
  /** Empty when the engine's files do not name the event's stream. */
  readonly stream: string;
  readonly revision: number;
  /** The engine's id of the event. */
  readonly id: string;
  readonly type: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
  /** The engine's time stamp in its own unit. */
  readonly recordedAt: string;
  /** The categories under which the engine's indexes list it; empty in an engine without such indexes. */
  readonly categories: readonly string[];
}

/** The log as its engine stores it, for checksums and exports. It can be opened beside a running server. */
export interface StoredLog {
  /**
   * Events after a position in log order, from the first on without one.
   * @param limit 1 … {@link maxReadCount}; fewer may come, none only at the end of the log.
   */
  readAfter(position: number | undefined, limit: number): Promise<readonly StoredEvent[]>;
  close(): Promise<void>;
}

export class WrongExpectedRevision extends Error {
  override readonly name = 'WrongExpectedRevision';
  constructor(
    readonly stream: string,
    readonly expected: ExpectedRevision,
    /** Undefined when the stream has no events. */
    readonly actual: Revision | undefined,
  ) {
    super(`stream ${stream} is at revision ${actual ?? 'none'}, expected ${expected}`);
  }
}

export class EventTooLarge extends Error {
  override readonly name = 'EventTooLarge';
  constructor(
    readonly type: string,
    readonly bytes: number,
  ) {
    super(`event ${type} takes ${bytes} bytes, more than ${maxEventBytes}`);
  }
}

/** No event begins at the position a read starts from, so it is a position of another log. */
export class NoEventAtPosition extends Error {
  override readonly name = 'NoEventAtPosition';
}

export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** An append was refused because too many wait already: nothing was or will be written. */
export class StoreBusy extends StoreUnavailable {}

/** The log was replaced while this process was using it: the state that it holds in memory belongs to the old log. */
export class LogReplaced extends StoreUnavailable {}
