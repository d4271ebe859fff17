import type { RecordedEvent, SubscriptionBatch } from '../../event-store/port.js';
import type { Instant } from '../../events/ids.js';
import type { EventMetadata } from '../../events/metadata.js';
import { decodeEvent, type EventType } from '../../events/registry.js';
import { advanceCheckpoints, type CheckpointMark, checkpointName } from './checkpoints.js';
import { DatabaseFailure, RowRefused, type WriteSession } from './dialect.js';
import type { ProjectedEvent, Projection, WantRow } from './projection.js';
import { RowBatch, type RowCache, type Wanted } from './row-batch.js';
import { type AnyRow, type CellValue, type KeyOf, keyText, type Table } from './table.js';

/** Rows changed before they are written in the middle of a batch: bounds memory. */
const maxDirtyRows = 20_000;

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
  generation: number;
}

/** Where a projection's checkpoint was read. */
export function markOf({ projection, suffix, position, generation }: ActiveProjection): CheckpointMark {
  return { name: checkpointName(projection, suffix), position, generation };
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
class DecodedEvents {
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

  all(): ProjectedEvent[] {
    return [...this.decoded.values()];
  }
}

/**
 * Applies a batch to every projection that has not seen it: rows and checkpoints in one transaction.
 * @returns the events that some projection handles, in log order.
 * @throws {CheckpointMoved} {@link ProjectionFailure} {@link DatabaseFailure}; nothing was applied then and
 * the projections' caches are to be cleared.
 */
export async function applyBatch(
  session: WriteSession,
  projections: readonly ActiveProjection[],
  batch: SubscriptionBatch,
  at: Instant,
): Promise<ProjectedEvent[]> {
  const behind = projections.filter((active) => active.position < batch.position);
  if (behind.length === 0) return [];
  const decoded = new DecodedEvents();
  await session.begin();
  try {
    const moved = await advanceCheckpoints(session, behind.map(markOf), batch.position, at);
    if (!moved) throw new CheckpointMoved('somebody else has changed a checkpoint');
    await applyToAll(session, behind, batch, decoded);
    await session.commit();
  } catch (error) {
    await session.rollback();
    throw error;
  }
  for (const active of behind) active.position = batch.position;
  return decoded.all();
}

/**
 * The projections' tables are their own, so one prepares its rows while the server writes another's.
 * @throws the first failure, in the projections' order, once all of them have ended.
 */
async function applyToAll(
  session: WriteSession,
  projections: readonly ActiveProjection[],
  batch: SubscriptionBatch,
  decoded: DecodedEvents,
): Promise<void> {
  const outcomes = await Promise.allSettled(
    projections.map((active) => applyTo(session, active, batch.events, decoded)),
  );
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  const database = failures.find((failure) => failure instanceof DatabaseFailure);
  if (failures.length > 0) throw database ?? failures[0];
}

async function applyTo(
  session: WriteSession,
  active: ActiveProjection,
  events: readonly RecordedEvent[],
  decoded: DecodedEvents,
): Promise<void> {
  const { projection, suffix, cache, watch } = active;
  const handled = events.filter((event) => event.position > active.position && event.type in projection.on);
  let current: RecordedEvent | undefined;
  const rows = new RowBatch(
    (table) => table.name + suffix,
    session,
    cache,
    (table, { key, row }) => {
      if (watch && current) watch(decoded.of(current), table, key, row);
    },
  );
  try {
    if (projection.reads) {
      const wanted = new WantedRows();
      for (const event of handled) {
        current = event;
        wanted.add(projection, decoded.of(event));
      }
      for (const [table, wants] of wanted.byTable) await rows.prefetch(table, wants);
    }
    for (const event of handled) {
      current = event;
      const pending = dispatch(projection, decoded.of(event), rows);
      if (pending) await pending;
      if (rows.size > maxDirtyRows) await rows.flush();
    }
    await rows.flush();
  } catch (error) {
    if (error instanceof DatabaseFailure || !current) throw error;
    const event = error instanceof RowRefused && handled.length > 1 ? null : current;
    throw new ProjectionFailure(active, event, error);
  }
}

function dispatch(projection: Projection, event: ProjectedEvent, rows: RowBatch): void | Promise<void> {
  // Handlers maps each type to the handler of that very type; TypeScript cannot relate the two unions.
  const handler = projection.on[event.type] as
    | ((event: ProjectedEvent, rows: RowBatch) => void | Promise<void>)
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

  private readonly want = <T extends Table>(table: T, key: KeyOf<T>, isNew = false): void => {
    let wants = this.byTable.get(table);
    if (!wants) {
      wants = new Map();
      this.byTable.set(table, wants);
    }
    const text = keyText(key);
    // The first event of the batch knows what was there before it.
    if (!wants.has(text)) wants.set(text, { key, isNew });
  };
}
