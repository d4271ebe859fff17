import type { RecordedEvent } from '../../event-store/port.js';
import { beforeFirst, type Checkpoint, type Parked } from './checkpoints.js';
import type { ActiveProjection, ProjectionFailure } from './fold-batch.js';
import type { Projection } from './projection.js';
import { RowCache } from './unit-of-work.js';

interface ProjectionStatus {
  readonly name: string;
  readonly version: number;
  readonly position: number;
  readonly parked: Parked | null;
  readonly isPaused: boolean;
  /** Events this runner has applied to it. */
  readonly eventsApplied: number;
}

/** Plain data: it may come from another thread. */
export interface RunnerState {
  readonly running: boolean;
  /** Where every projection has arrived; -1 before the first event. */
  readonly position: number;
  /** Whether waiting for a later position is useless: a projection is parked or paused. */
  readonly isStuck: boolean;
  /** The last failure not yet followed by a success. */
  readonly lastError: string | null;
  readonly projections: readonly ProjectionStatus[];
}

export interface RunnerStatus extends RunnerState {
  /** The log's newest position; -1 in an empty log. */
  readonly headPosition: number;
  /** False while behind, parked, paused or failing: this process should not be asked. */
  readonly ready: boolean;
}

/** One projection of a runner. */
export interface RunnerEntry extends ActiveProjection {
  parked: Parked | null;
  /** Stopped from outside: by an operator, or for the moment in which a rebuild swaps its tables. */
  halted: 'paused' | 'fenced' | null;
  eventsApplied: number;
}

/** A projection before its checkpoint was read. @param cachedRows see {@link RowCache}. */
export function newEntry(projection: Projection, suffix: string, cachedRows?: number): RunnerEntry {
  return {
    projection,
    suffix,
    cache: new RowCache(cachedRows),
    position: beforeFirst,
    epoch: 0,
    parked: null,
    halted: null,
    eventsApplied: 0,
  };
}

export function isActive({ parked, halted }: RunnerEntry): boolean {
  return parked === null && halted === null;
}

/** Whether waiting for this projection is useless: it stands still until an operator acts. */
export function isStuck({ parked, halted }: RunnerEntry): boolean {
  return parked !== null || halted === 'paused';
}

/**
 * Takes over what the database says of a projection.
 * @param triesAgain whether to try a parked one once more, as a process that starts does.
 */
export function takeOver(entry: RunnerEntry, checkpoint: Checkpoint, triesAgain: boolean): void {
  const { projection } = entry;
  entry.cache.clear();
  entry.position = checkpoint.position;
  entry.epoch = checkpoint.epoch;
  entry.halted = haltOf(checkpoint);
  if (checkpoint.version !== projection.version) {
    const error = `tables of ${projection.name} were built by version ${checkpoint.version}, this is version ${projection.version}: rebuild them`;
    entry.parked = { error, event: null };
  } else {
    entry.parked = triesAgain ? null : checkpoint.parked;
  }
}

function haltOf({ pausedAt, fencedBy }: Checkpoint): RunnerEntry['halted'] {
  if (fencedBy !== null) return 'fenced';
  return pausedAt === null ? null : 'paused';
}

/** What a failure says to operators. */
export function parkedBy({ event, message }: ProjectionFailure): Parked {
  return { error: message, event: event && whereIs(event) };
}

function whereIs({ type, stream, revision, position }: RecordedEvent) {
  return { type, stream, revision, position };
}

export function statusOf(entry: RunnerEntry): ProjectionStatus {
  const { projection, position, parked, halted, eventsApplied } = entry;
  const { name, version } = projection;
  return { name, version, position, parked, isPaused: halted === 'paused', eventsApplied };
}

/** Counts a batch's events that the projection had not seen at `before`. */
export function countApplied(entry: RunnerEntry, before: number, events: readonly RecordedEvent[]): void {
  const isAllNew = (events[0]?.position ?? before) > before;
  entry.eventsApplied += isAllNew ? events.length : events.filter(({ position }) => position > before).length;
}
