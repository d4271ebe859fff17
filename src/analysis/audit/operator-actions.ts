import type { RecordedEvent } from '../../event-store/port.js';
import { type Actor, metadataSchema } from '../../events/event.js';
import type { Instant } from '../../events/ids.js';

/** What one request, or one command without a server, of an operator has written. */
export interface OperatorAction {
  /** When its first event was decided. */
  readonly at: Instant;
  /** `unnamed`: by a version of the office in which operators had no names. */
  readonly operator: string;
  readonly keyId: string | null;
  /** The request's id, as in the log lines of the server. */
  readonly correlationId: string;
  readonly position: number;
  /** How many events of each type. */
  readonly events: Readonly<Record<string, number>>;
  /** The first streams that it wrote to. */
  readonly streams: readonly string[];
}

type Building = { -readonly [Field in keyof OperatorAction]: OperatorAction[Field] } & {
  readonly events: Record<string, number>;
  readonly streams: string[];
};

/** Actions whose events may still come: more than are under way at the same time. */
const maxOpen = 1_000;
/** Streams named of one action. */
const maxStreams = 20;

/**
 * What operators have done, in the order of the log. What changes no event, such as a pause of a projection, is not in the
 * log: the server's log lines have it.
 * @param log the whole log, in its order.
 * @param wanted the operator; undefined: all of them.
 */
export async function* operatorActions(
  log: AsyncIterable<readonly RecordedEvent[]>,
  wanted?: string,
): AsyncGenerator<OperatorAction> {
  const open = new Map<string, Building>();
  for await (const page of log) {
    for (const { type, stream, position, metadata } of page) {
      // Most events are not an operator's: they are not worth a complete check.
      if (!isByOperator(metadata)) continue;
      const known = metadataSchema.safeParse(metadata).data;
      if (known?.actor.kind !== 'admin') continue;
      const { correlationId, occurredAt } = known;
      const { operator, keyId } = nameOf(known.actor);
      if (wanted !== undefined && operator !== wanted) continue;
      // A request's id may be chosen by whoever sends it.
      const group = JSON.stringify([operator, keyId, correlationId]);
      let action = open.get(group);
      if (!action) {
        action = { at: occurredAt, operator, keyId, correlationId, position, events: {}, streams: [] };
        open.set(group, action);
      }
      action.events[type] = (action.events[type] ?? 0) + 1;
      if (action.streams.length < maxStreams && !action.streams.includes(stream)) action.streams.push(stream);
      const [oldest] = open;
      if (oldest && open.size > maxOpen) {
        open.delete(oldest[0]);
        yield oldest[1];
      }
    }
  }
  yield* open.values();
}

function isByOperator(metadata: unknown): boolean {
  if (typeof metadata !== 'object' || metadata === null || !('actor' in metadata)) return false;
  const { actor } = metadata;
  return typeof actor === 'object' && actor !== null && 'kind' in actor && actor.kind === 'admin';
}

function nameOf({ operator, keyId }: Extract<Actor, { kind: 'admin' }>) {
  return { operator: operator ?? 'unnamed', keyId: keyId ?? null };
}
