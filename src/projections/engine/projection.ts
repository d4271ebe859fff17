import type { EventMetadata } from '../../events/event.js';
import type { Instant } from '../../events/ids.js';
import type { DomainEvent, EventType } from '../../events/registry.js';
import { type Entity, type Key, type Table, tableOf } from './entity.js';
import type { UnitOfWork } from './unit-of-work.js';

/** Where and when an event was recorded. */
interface EventContext {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  /** The decider's clock. */
  readonly at: Instant;
  readonly metadata: EventMetadata;
}

/** An event as projections read it, discriminated by `type`. */
export type ProjectedEvent = DomainEvent & EventContext;

/** The {@link ProjectedEvent} of one type (or several). */
export type Projected<Type extends EventType> = Extract<DomainEvent, { type: Type }> & EventContext;

/** Changes rows by one event. Must be a function of the event and the projection's own rows alone. */
type Handler<Type extends EventType> = (event: Projected<Type>, rows: UnitOfWork) => void | Promise<void>;

type Handlers = { readonly [Type in EventType]?: Handler<Type> };

/**
 * Names a row an event's handler is going to `get`.
 * `isNew`: the event is the first that could make the row, so there is nothing to read.
 */
export type WantRow = <Row extends object>(entity: Entity<Row>, key: Key<Row>, isNew?: boolean) => void;

/** Lists rows a handler will get, so that a batch reads them together instead of one by one. Only a hint. */
type Prefetch = { readonly [Type in EventType]?: (event: Projected<Type>, want: WantRow) => void };

/** A fold of the log into tables of its own: no other projection reads or writes them. */
export interface Projection {
  /** At most 64 characters; names the checkpoint. */
  readonly name: string;
  /** Raise it when the same log must give other rows: the tables are then rebuilt. */
  readonly version: number;
  readonly entities: readonly Entity[];
  readonly on: Handlers;
  readonly reads?: Prefetch;
}

/** The tables of a projection. */
export function tablesOf({ entities }: Pick<Projection, 'entities'>): Table[] {
  return entities.map(tableOf);
}
