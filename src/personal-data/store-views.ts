import {
  type AppendResult,
  type EventStore,
  type ExpectedRevision,
  type NewEvent,
  type Position,
  type ReadOptions,
  type RecordedEvent,
  type Revision,
  StoreUnavailable,
  type StreamAppend,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionBatch,
} from '../event-store/port.js';
import { PersonalKeyDestroyed, type PersonalKeys } from './personal-keys.js';
import {
  isPersonal,
  isSealed,
  openField,
  type PersonalData,
  personalDataOf,
  type SealedField,
  sealField,
} from './sealing.js';

/** Read instead of a personal field whose key was destroyed. Valid in the schema of every event. */
export const erased = 'erased';
/** Read instead of a personal field by code that does not need it. */
export const withheld = 'withheld';

/** A sealed field cannot be opened although its key exists: the log or the keys were changed. */
export class PersonalDataDamaged extends Error {
  override readonly name = 'PersonalDataDamaged';
  constructor(event: RecordedEvent, field: string) {
    super(
      `field ${field} of ${event.type} at position ${event.position} (stream ${event.stream}) cannot be opened with ` +
        'its key: the log or the keys were changed or belong to another office',
    );
  }
}

/**
 * The log as commands and processes see it: personal fields are sealed when they are appended, and withheld when
 * they are read, because no decision needs them. So reading needs no keys.
 */
export function sealingStore(store: EventStore, keys: PersonalKeys): EventStore {
  return new StoreView(store, {
    isTouched: isPersonal,
    toStore: sealingWith(keys),
    fromStore: async (events) => events.map(withoutPersonalData),
  });
}

/** The log as projections see it: sealed fields are opened; those of erased users read {@link erased}. */
export function revealingStore(store: EventStore, keys: PersonalKeys): EventStore {
  return new StoreView(store, {
    isTouched: isPersonal,
    toStore: sealingWith(keys),
    fromStore: (events) => unlessUnavailable(() => revealed(events, keys)),
  });
}

/** The log without keys, for example for an auditor: personal fields read {@link withheld}. Only for reading. */
export function withholdingStore(store: EventStore): EventStore {
  return new StoreView(store, {
    isTouched: isPersonal,
    toStore: async () => {
      throw new StoreUnavailable('personal data cannot be written without keys');
    },
    fromStore: async (events) => events.map(withoutPersonalData),
  });
}

function sealingWith(keys: PersonalKeys) {
  return (events: readonly NewEvent[]) =>
    unlessUnavailable(() => Promise.all(events.map((event) => sealed(event, keys))));
}

async function sealed(event: NewEvent, keys: PersonalKeys): Promise<NewEvent> {
  if (!isPersonal(event)) return event;
  const { type, userId, data, fields } = personalDataOf(event);
  const key = await keys.keyFor(userId);
  const closed = fields
    .filter((field) => field in data)
    .map((field) => [field, sealField(key, data[field], { type, field, userId })]);
  return { ...event, data: { ...data, ...Object.fromEntries(closed) } };
}

async function revealed(events: readonly RecordedEvent[], keys: PersonalKeys): Promise<RecordedEvent[]> {
  const owners = events.filter(isPersonal).filter(hasSealedField).map(personalDataOf);
  const keyOf = await keys.keysOf([...new Set(owners.map(({ userId }) => userId))]);
  return events.map((event) => {
    if (!isPersonal(event)) return event;
    const personal = personalDataOf(event);
    const key = keyOf.get(personal.userId);
    return withFields(event, personal, (field, value) => {
      if (!key) return erased;
      const opened = openField(key, value, { type: personal.type, field, userId: personal.userId });
      if (!opened) throw new PersonalDataDamaged(event, field);
      return opened.value;
    });
  });
}

/** Also fields that are not sealed, which logs of early versions have. */
function withoutPersonalData(event: RecordedEvent): RecordedEvent {
  if (!isPersonal(event)) return event;
  const { data, fields } = personalDataOf(event);
  const hidden = fields.filter((field) => field in data).map((field) => [field, withheld]);
  return withData(event, { ...data, ...Object.fromEntries(hidden) });
}

function hasSealedField(event: RecordedEvent): boolean {
  const { data, fields } = personalDataOf(event);
  return fields.some((field) => isSealed(data[field]));
}

function withFields(
  event: RecordedEvent,
  { data, fields }: PersonalData,
  open: (field: string, value: SealedField) => unknown,
): RecordedEvent {
  const opened = fields.flatMap((field) => {
    const value = data[field];
    return isSealed(value) ? [[field, open(field, value)]] : [];
  });
  return opened.length === 0 ? event : withData(event, { ...data, ...Object.fromEntries(opened) });
}

/** Frozen like the events that engines return, because events are shared. */
function withData(event: RecordedEvent, data: object): RecordedEvent {
  return Object.freeze({ ...event, data: Object.freeze(data) });
}

/** For callers, keys that cannot be reached are the same as a log that cannot be reached. */
async function unlessUnavailable<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PersonalKeyDestroyed || error instanceof PersonalDataDamaged) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailable(`the keys of personal data cannot be used: ${reason}`, { cause: error });
  }
}

/** How events are changed when they are appended and read. */
interface View {
  /** Whether an event may have to be changed; all others pass unchanged. */
  isTouched(event: NewEvent): boolean;
  toStore(events: readonly NewEvent[]): Promise<readonly NewEvent[]>;
  fromStore(events: readonly RecordedEvent[]): Promise<RecordedEvent[]>;
}

/** A store whose events are changed by a view; otherwise it behaves as the store behind it. */
class StoreView implements EventStore {
  constructor(
    private readonly store: EventStore,
    private readonly view: View,
  ) {}

  append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]): Promise<AppendResult> {
    // Not async: nearly all appends pass unchanged, and this runs for every append.
    if (!events.some(this.view.isTouched)) return this.store.append(stream, expected, events);
    return this.view.toStore(events).then((changed) => this.store.append(stream, expected, changed));
  }

  async appendInOrder(appends: readonly StreamAppend[]): Promise<readonly AppendResult[]> {
    const changed = appends.map(async (append) => {
      const isTouched = append.events.some(this.view.isTouched);
      return isTouched ? { ...append, events: await this.view.toStore(append.events) } : append;
    });
    return this.store.appendInOrder(await Promise.all(changed));
  }

  async readStream(stream: string, options?: ReadOptions<Revision>): Promise<RecordedEvent[]> {
    return this.#seen(await this.store.readStream(stream, options));
  }

  async readCategory(category: string, options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.#seen(await this.store.readCategory(category, options));
  }

  async readAll(options?: ReadOptions<Position>): Promise<RecordedEvent[]> {
    return this.#seen(await this.store.readAll(options));
  }

  subscribe(options: SubscribeOptions, handler: (batch: SubscriptionBatch) => Promise<void>): Subscription {
    return this.store.subscribe(options, async (batch) => {
      if (!batch.events.some(this.view.isTouched)) return handler(batch);
      return handler({ ...batch, events: await this.view.fromStore(batch.events) });
    });
  }

  head(): Promise<Position | undefined> {
    return this.store.head();
  }

  close(): Promise<void> {
    return this.store.close();
  }

  #seen(events: RecordedEvent[]): RecordedEvent[] | Promise<RecordedEvent[]> {
    return events.some(this.view.isTouched) ? this.view.fromStore(events) : events;
  }
}
