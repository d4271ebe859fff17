import type { RecordedEvent } from '../../event-store/port.js';
import type { EventMetadata } from '../../events/event.js';
import { type Category, type DomainEvent, eventsByCategory, verifyEvent } from '../../events/registry.js';
import { categoryOf } from '../../events/streams.js';
import type { Fact } from './fact.js';
import type { Findings } from './findings.js';
import { IdSet } from './id-set.js';
import type { EventRef } from './report.js';

const categoryOfType: ReadonlyMap<string, string> = new Map(
  Object.entries(eventsByCategory).flatMap(([category, events]) =>
    Object.keys(events).map((type) => [type, category] as const),
  ),
);

/** The fields that make up a stream's id; a login's stream is named by a hash that its event does not tell. */
const idFields: Readonly<Record<Category, readonly string[]>> = {
  user: ['userId'],
  login: [],
  session: ['sessionId'],
  wallet: ['userId'],
  charge: ['chargeId'],
  queue: ['performanceId'],
  admission: ['performanceId'],
  token: ['tokenId'],
  seat: ['scheduleId', 'seatId'],
  order: ['orderId'],
  venue: ['venueId'],
  performance: ['performanceId'],
  schedule: ['scheduleId'],
};

/** The log's own order and form, before anything is made of what the events say. */
export class Structure {
  readonly #nextRevision = new Map<string, number>();
  readonly #ids = new IdSet();
  #last: EventRef | undefined;

  constructor(private readonly findings: Findings) {}

  /** Checks the event by itself and its place; undefined when it can't be understood. */
  verify(recorded: RecordedEvent): Fact | undefined {
    const { stream, revision, position } = recorded;
    const ref: EventRef = { stream, revision, position };
    this.#checkPlace(ref);
    const isNewId = this.#ids.add(recorded.id);
    // Numbers are appended at whatever revision comes next: a retry may write a second copy of the event.
    const mayRepeat = recorded.type === 'TokenIssued';
    this.findings.expect(
      'event-id-unique',
      isNewId || mayRepeat,
      () => `event id ${recorded.id} occurs twice`,
      ref,
    );
    const event = this.#understand(recorded, ref);
    if (!event) return undefined;
    this.findings.expect(
      'stream-identity',
      isInItsStream(event, stream),
      () => `${event.type} in ${stream} is about something else`,
      ref,
    );
    const { occurredAt } = recorded.metadata as EventMetadata; // verified just before
    return { ...event, at: occurredAt, ref };
  }

  #checkPlace(ref: EventRef): void {
    const { stream, revision, position } = ref;
    const expected = this.#nextRevision.get(stream) ?? 0;
    this.findings.expect(
      'stream-revision',
      revision === expected,
      () => `${stream} has revision ${revision} where ${expected} is due`,
      ref,
    );
    this.#nextRevision.set(stream, revision + 1);
    const last = this.#last;
    this.findings.expect(
      'position-order',
      last === undefined || position > last.position,
      () => `position ${position} follows ${last?.position}`,
      ref,
      ...(last ? [last] : []),
    );
    this.#last = ref;
  }

  #understand(recorded: RecordedEvent, ref: EventRef): DomainEvent | undefined {
    let event: DomainEvent | undefined;
    let problem: unknown;
    try {
      event = verifyEvent(recorded);
    } catch (error) {
      problem = error;
    }
    this.findings.expect(
      'event-valid',
      event !== undefined,
      () => `${recorded.type} is not valid: ${problem instanceof Error ? problem.message : String(problem)}`,
      ref,
    );
    return event;
  }
}

function isInItsStream(event: DomainEvent, stream: string): boolean {
  const category = categoryOf(stream);
  if (categoryOfType.get(event.type) !== category) return false;
  // The type belongs to the category, so the category is one of ours.
  const fields = idFields[category as Category];
  if (fields.length === 0) return true;
  const data: Readonly<Record<string, unknown>> = event.data;
  return stream === `${category}-${fields.map((field) => data[field]).join('.')}`;
}
