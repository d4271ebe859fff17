import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordedEvent } from '../../event-store/port.js';
import type { EventMetadata } from '../../events/event.js';
import { decodeEvent, type EventType } from '../../events/registry.js';
import { type CheckpointMark, checkpointName } from './checkpoints.js';
import { DatabaseFailure } from './dialect.js';
import {
  type AnyRow,
  type CellValue,
  type Entity,
  type Key,
  keyText,
  keyValues,
  type Table,
  tableOf,
} from './entity.js';
import type { ProjectedEvent, Projection, WantRow } from './projection.js';
import { type RowCache, type RowChanges, type RowSource, UnitOfWork, type Wanted } from './unit-of-work.js';

/**
 * Events handled before the event loop gets a turn: requests are answered, and the database's replies to the writes of
 * the batch before.
 */
const eventsPerTurn = 100;

/** Hears of every row an event changes; `row` is null when it is deleted. */
export type WatchRow = (
  event: ProjectedEvent,
  table: Table,
  key: readonly CellValue[],
  row: AnyRow | null,
) => void;

/** A projection at work: its tables' suffix, its cache, and how far it has come. */
export interface ActiveProjection {
  readonly projection: Projection;
  readonly suffix: string;
  readonly cache: RowCache;
  readonly watch?: WatchRow;
  position: number;
  epoch: number;
}

/** Where a projection's checkpoint was read. */
export function markOf({ projection, suffix, position, epoch }: ActiveProjection): CheckpointMark {
  return { name: checkpointName(projection, suffix), position, epoch };
}

/** Another runner moved the checkpoint first, or somebody changed it from outside: nothing was applied. */
export class CheckpointMoved extends Error {
  override readonly name = 'CheckpointMoved';
}

/** A projection cannot apply an event: nothing of the batch was applied. */
export class ProjectionFailure extends Error {
  override readonly name = 'ProjectionFailure';
  constructor(
    readonly active: ActiveProjection,
    /** Null when the rows of several events were refused together. */
    readonly event: RecordedEvent | null,
    cause: unknown,
  ) {
    const what = event
      ? `apply ${event.type} at position ${event.position}`
      : `store its rows after position ${active.position}`;
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`projection ${active.projection.name} cannot ${what}: ${why}`, { cause });
  }
}

/** Reads each stored event at most once, and only if somebody handles its type. */
export class DecodedEvents {
  private readonly decoded = new Map<RecordedEvent, ProjectedEvent>();

  of(event: RecordedEvent): ProjectedEvent {
    let projected = this.decoded.get(event);
    if (!projected) {
      const { type, data } = decodeEvent(event);
      // encodeEvent writes the metadata of every event.
      const metadata = event.metadata as EventMetadata;
      const { stream, revision, position } = event;
      // Type and data come from one decoded event, so they belong together.
      projected = {
        type,
        data,
        stream,
        revision,
        position,
        at: metadata.occurredAt,
        metadata,
      } as ProjectedEvent;
      this.decoded.set(event, projected);
    }
    return projected;
  }
}

/** What a projection makes of a batch. */
export interface FoldedBatch {
  readonly active: ActiveProjection;
  readonly changes: RowChanges;
  /** The event that made them, when it was a single one. */
  readonly onlyEvent: RecordedEvent | null;
}

/**
 * Lets a projection handle events, in order. Its rows change in memory only, unless there are too many.
 * @throws {ProjectionFailure} it cannot handle one; {@link DatabaseFailure} and whatever else `source` throws.
 */
export async function foldBatch(
  active: ActiveProjection,
  events: readonly RecordedEvent[],
  decoded: DecodedEvents,
  source: RowSource,
): Promise<FoldedBatch> {
  const { projection, cache, watch } = active;
  const handled = events.filter((event) => event.type in projection.on);
  let current: RecordedEvent | undefined;
  const watched: ConstructorParameters<typeof UnitOfWork>[2] =
    watch &&
    ((table, { key, row }) => {
      if (current) watch(decoded.of(current), table, key, row);
    });
  const rows = new UnitOfWork(source, cache, watched);
  try {
    if (projection.reads) {
      const wanted = new WantedRows();
      for (const event of handled) {
        current = event;
        wanted.add(projection, decoded.of(event));
      }
      for (const [table, wants] of wanted.byTable) await rows.prefetchWanted(table, wants);
    }
    for (const [index, event] of handled.entries()) {
      current = event;
      const pending = dispatch(projection, decoded.of(event), rows);
      if (pending) await pending;
      const flushing = rows.flushIfLarge();
      if (flushing) await flushing;
      if (index % eventsPerTurn === eventsPerTurn - 1) await nextTurn();
    }
  } catch (error) {
    if (isNotOfTheEvent(error) || !current) throw error;
    throw new ProjectionFailure(active, current, error);
  }
  return { active, changes: rows.end(), onlyEvent: handled.length === 1 ? (handled[0] ?? null) : null };
}

/** What a handler's reading may meet, of the database or of the batch before. */
function isNotOfTheEvent(error: unknown): boolean {
  return (
    error instanceof DatabaseFailure || error instanceof ProjectionFailure || error instanceof CheckpointMoved
  );
}

function dispatch(projection: Projection, event: ProjectedEvent, rows: UnitOfWork): void | Promise<void> {
  // Handlers maps each type to the handler of that very type; TypeScript cannot relate the two unions.
  const handler = projection.on[event.type] as
    | ((event: ProjectedEvent, rows: UnitOfWork) => void | Promise<void>)
    | undefined;
  return handler?.(event, rows);
}

class WantedRows {
  readonly byTable = new Map<Table, Map<string, Wanted>>();

  add(projection: Projection, event: ProjectedEvent): void {
    // As in dispatch: the map relates type and event.
    const hint = projection.reads?.[event.type as EventType] as
      | ((event: ProjectedEvent, want: WantRow) => void)
      | undefined;
    hint?.(event, this.want);
  }

  private readonly want = <Row extends object>(entity: Entity<Row>, key: Key<Row>, isNew = false): void => {
    const table = tableOf(entity);
    const values = keyValues(table, key);
    let wants = this.byTable.get(table);
    if (!wants) {
      wants = new Map();
      this.byTable.set(table, wants);
    }
    const text = keyText(values);
    // The first event of the batch knows what was there before it.
    if (!wants.has(text)) wants.set(text, { key: values, isNew });
  };
}
