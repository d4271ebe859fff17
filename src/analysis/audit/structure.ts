import type { RecordedEvent } from '../../event-store/port.js';
import type { EventMetadata } from '../../events/event.js';
import { type Category, type DomainEvent, eventsByCategory, verifyEvent } from '../../events/registry.js';
import { categoryOf } from '../../events/streams.js';
import type { EventRef, Fact, Findings } from './checks.js';

const categoryOfType: ReadonlyMap<string, string> = new Map(
  Object.entries(eventsByCategory).flatMap(([category, events]) =>
    Object.keys(events).map((type) => [type, category] as const),
  ),
);

/**
 * The fields that make up a stream's id. A login's stream is named by a hash that its event does not contain, and all
 * operators' keys are in one stream.
 */
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
  operator: [],
};

/** Checks order and form of the log, before the other checks use the events. */
export class Structure {
  readonly #nextRevision = new Map<string, number>();
  readonly #ids = new IdSet();
  #last: EventRef | undefined;

  constructor(private readonly findings: Findings) {}

  /** Checks an event's form and position. @returns undefined when it cannot be decoded. */
  verify(recorded: RecordedEvent): Fact | undefined {
    const { stream, revision, position } = recorded;
    const ref: EventRef = { stream, revision, position };
    this.#checkPosition(ref);
    const isNewId = this.#ids.add(recorded.id);
    // Queue numbers are appended without an expected revision: a retry may write the event twice.
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

  #checkPosition(ref: EventRef): void {
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
  // The type belongs to the category, so the category is a known one.
  const fields = idFields[category as Category];
  if (fields.length === 0) return true;
  const data: Readonly<Record<string, unknown>> = event.data;
  return stream === `${category}-${fields.map((field) => data[field]).join('.')}`;
}

/**
 * A set of UUIDs that keeps their first 64 bits in an open-addressing hash table, in at most 16 bytes each.
 * Two different ids collide with a probability of about n² / 2^61 for n events (one in 20,000 for ten million):
 * a reported repetition needs a second look, and no real repetition goes unreported.
 */
export class IdSet {
  #slots = new Uint32Array(2 * 1024);
  #size = 0;
  #hasZero = false;

  /** Adds an id. @returns false when the set had it already. */
  add(uuid: string): boolean {
    const high = Number.parseInt(uuid.slice(0, 8), 16);
    const low = Number.parseInt(uuid.slice(9, 13) + uuid.slice(14, 18), 16);
    // An empty slot reads as 0, 0.
    if (high === 0 && low === 0) {
      const isNew = !this.#hasZero;
      this.#hasZero = true;
      return isNew;
    }
    if (!this.#insert(high, low)) return false;
    this.#size++;
    if (this.#size * 4 > this.#slots.length) this.#grow();
    return true;
  }

  #insert(high: number, low: number): boolean {
    const capacity = this.#slots.length / 2;
    for (let slot = (high ^ low) & (capacity - 1); ; slot = (slot + 1) & (capacity - 1)) {
      const knownHigh = this.#slots[2 * slot];
      const knownLow = this.#slots[2 * slot + 1];
      if (knownHigh === high && knownLow === low) return false;
      if (knownHigh === 0 && knownLow === 0) {
        this.#slots[2 * slot] = high;
        this.#slots[2 * slot + 1] = low;
        return true;
      }
    }
  }

  #grow(): void {
    const known = this.#slots;
    this.#slots = new Uint32Array(known.length * 2);
    for (let i = 0; i < known.length; i += 2) {
      const high = known[i] ?? 0;
      const low = known[i + 1] ?? 0;
      if (high !== 0 || low !== 0) this.#insert(high, low);
    }
  }
}
