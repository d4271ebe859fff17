import { type UserId, userIdSchema } from '../events/ids.js';
import { allEventDefinitions } from '../events/registry.js';

const fieldsByType: ReadonlyMap<string, readonly string[]> = new Map(
  allEventDefinitions()
    .filter(({ personal }) => personal.length > 0)
    .map(({ type, personal }) => [type, personal]),
);

interface StoredEvent {
  readonly type: string;
  readonly data: unknown;
}

/** An event's data, whose it is, and which of its fields are personal. */
export interface PersonalData {
  readonly type: string;
  readonly userId: UserId;
  readonly data: Readonly<Record<string, unknown>>;
  readonly fields: readonly string[];
}

/** Whether events of this type have personal fields. Asked of every event: keep it cheap. */
export function isPersonal({ type }: StoredEvent): boolean {
  return fieldsByType.has(type);
}

/**
 * @throws {z.ZodError} when the event does not say whose it is: every type with personal fields has a `userId`.
 */
export function personalDataOf({ type, data }: StoredEvent): PersonalData {
  // encodeEvent writes objects; whatever else it may be has no user id.
  const record = data as Record<string, unknown>;
  return {
    type,
    userId: userIdSchema.parse(record.userId),
    data: record,
    fields: fieldsByType.get(type) ?? [],
  };
}
