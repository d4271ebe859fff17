import { drawnPlaces } from '../../domain/shuffle.js';
import type { EventStore, Position } from '../../event-store/port.js';
import type { Instant, PerformanceId, TokenId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import type { QueueReply, QueueTokenReply, TokenStatus } from '../../queries/replies/queue.js';
import { performanceAt } from './catalog-at.js';
import { EventIndex, type EventIndexes, type IndexKind } from './event-index.js';
import {
  asOf,
  ofTypes,
  readStream,
  type StoredEvent,
  type StoredEventOf,
  toStored,
  upTo,
} from './past-events.js';
import type { Moment, Then } from './port.js';

export interface QueueSources {
  readonly store: EventStore;
  readonly queues: EventIndexes<QueueIndex>;
}

/** A performance's queue as anyone could see it at a moment. */
export async function queueAt(
  { store, queues }: QueueSources,
  performanceId: PerformanceId,
  moment: Moment,
): Promise<Then<QueueReply>> {
  const performance = await performanceAt(store, performanceId, moment);
  if (performance.kind !== 'known') return performance;
  const index = await queues.get(performanceId, performance.first.position);
  const queue = new QueueFold(index, moment);
  const last = index.lastPosition(moment);
  const { opensAt, queueCapacity, maxActive } = performance.details.sales;
  const head = queue.nextNumber();
  return {
    kind: 'known',
    reply: {
      performanceId,
      opened: queue.isOpen,
      opensAt,
      size: queue.waiting,
      capacity: queueCapacity,
      isEmpty: queue.waiting === 0,
      isFull: queue.waiting >= queueCapacity,
      active: queue.active,
      maxActive,
      admittedUpTo: queue.admittedUpTo,
      issued: queue.issued,
      head: head === undefined ? null : { number: head },
      sale: null,
      saleEndsAt: null,
      freeSeats: null,
      asOf: asOf(moment, last ? [performance.latest, last] : [performance.latest]),
    },
  };
}

/** What an event of a queue was. */
const queueKinds = {
  /** Subject: the token. Detail: its number. */
  issued: 0,
  opened: 1,
  /** Subject: first place. Detail: the place after the last. */
  admitted: 2,
  /** Subject: the token. */
  entered: 3,
  /** Subject: the token. */
  ended: 4,
} as const;

/** The index of one queue, with the places of the shuffle. */
class QueueIndex extends EventIndex {
  /** By queue number, for those who joined before the opening; empty until it opened. */
  places: Uint32Array = new Uint32Array();

  override get bytes(): number {
    return super.bytes + this.places.byteLength;
  }
}

export const queueIndexes: IndexKind<QueueIndex> = {
  categories: ['queue', 'admission', 'token'],
  create: () => new QueueIndex(),
  record(index, performanceId, event) {
    const change = changeOf(index, performanceId as PerformanceId, event); // the key is a performance's id
    if (!change) return;
    const [kind, subject, detail] = change;
    index.add({ position: event.position, at: event.at, kind, subject, detail });
  },
};

function changeOf(
  index: QueueIndex,
  performanceId: PerformanceId,
  event: StoredEvent,
): readonly [kind: number, subject: number, detail: number] | undefined {
  switch (event.type) {
    case 'TokenIssued':
      if (event.data.performanceId !== performanceId) return undefined;
      return [queueKinds.issued, index.numberOf(event.data.tokenId), event.revision];
    case 'QueueOpened':
      if (event.data.performanceId !== performanceId) return undefined;
      index.places = drawnPlaces(event.data);
      return [queueKinds.opened, 0, event.data.shuffledCount];
    case 'TokensAdmitted':
      if (event.data.performanceId !== performanceId) return undefined;
      return [queueKinds.admitted, event.data.from, event.data.to];
    case 'TokenEntered':
      if (event.data.performanceId !== performanceId) return undefined;
      return [queueKinds.entered, index.numberOf(event.data.tokenId), 0];
    case 'TokenCompleted':
    case 'TokenExpired':
    case 'TokenLeft':
      if (event.data.performanceId !== performanceId) return undefined;
      return [queueKinds.ended, index.numberOf(event.data.tokenId), 0];
    default:
      return undefined;
  }
}

/** How far a token is; tokens wait until an event says otherwise. */
const statuses = { waiting: 0, admitted: 1, entered: 2, over: 3 } as const;

const nobody = -1;

/** One token in its queue. Events are given by their number in the index. */
interface TokenThen {
  readonly number: number;
  /** The event that assigned the number. */
  readonly issuedBy: number | undefined;
  /** Undefined until the queue opened. */
  readonly place: number | undefined;
  /** The opening that drew the place, for fans who joined before it. */
  readonly drawnBy: number | undefined;
  /** The admission of the place. */
  readonly admittedBy: number | undefined;
  readonly isWaiting: boolean;
}

/** A queue as of a moment: the fold of its events. A second number of one token is ignored. */
export class QueueFold {
  /** Places below this one were admitted. */
  admittedUpTo = 0;
  /** Fans who wait with a number. */
  waiting = 0;
  /** Fans admitted or inside. */
  active = 0;
  /** The event that opened the queue. */
  #openedBy: number | undefined;
  readonly #count: number;
  /** By token. */
  readonly #statuses: Uint8Array;
  /** By token; {@link nobody} without one. */
  readonly #numbers: Int32Array;
  /** By number. */
  readonly #tokens: number[] = [];
  /** By place, for those whose place was drawn. */
  readonly #drawn: Uint32Array;

  constructor(
    private readonly index: QueueIndex,
    moment: Moment,
  ) {
    this.#count = index.countAt(moment);
    this.#statuses = new Uint8Array(index.names);
    this.#numbers = new Int32Array(index.names).fill(nobody);
    this.#drawn = inverse(index.places);
    for (let n = 0; n < this.#count; n++) this.#apply(n);
    for (const token of this.#tokens) {
      if (token === nobody) continue;
      if (this.#statuses[token] === statuses.waiting) this.waiting += 1;
      else if (this.#statuses[token] !== statuses.over) this.active += 1;
    }
  }

  get isOpen(): boolean {
    return this.#openedBy !== undefined;
  }

  /** Numbers given; the next fan gets this one. */
  get issued(): number {
    return this.#tokens.length;
  }

  /** The next number to be admitted; undefined before the opening and when nobody waits. */
  nextNumber(): number | undefined {
    if (!this.isOpen) return undefined;
    for (let place = this.admittedUpTo; place < this.issued; place++) {
      const number = this.#numberAt(place);
      if (this.#isWaiting(number)) return number;
    }
    return undefined;
  }

  /** Undefined when the token has no number (yet). */
  tokenOf(tokenId: TokenId): TokenThen | undefined {
    const { kinds, subjects, details, places } = this.index;
    const token = this.index.find(tokenId) ?? nobody;
    const number = this.#numbers[token] ?? nobody;
    if (number === nobody) return undefined;
    const place = this.isOpen ? (places[number] ?? number) : undefined;
    const letsIn = (n: number) =>
      place !== undefined && (subjects[n] ?? 0) <= place && place < (details[n] ?? 0);
    return {
      number,
      issuedBy: this.#first((n) => kinds[n] === queueKinds.issued && subjects[n] === token),
      place,
      drawnBy: number < places.length ? this.#openedBy : undefined,
      admittedBy: this.#first((n) => kinds[n] === queueKinds.admitted && letsIn(n)),
      isWaiting: this.#isWaiting(number),
    };
  }

  #apply(n: number): void {
    const { kinds, subjects, details } = this.index;
    const subject = subjects[n] ?? 0;
    const detail = details[n] ?? 0;
    switch (kinds[n]) {
      case queueKinds.issued: {
        const isFirst = this.#numbers[subject] === nobody;
        this.#tokens[detail] = isFirst ? subject : nobody;
        if (isFirst) this.#numbers[subject] = detail;
        return;
      }
      case queueKinds.opened:
        this.#openedBy = n;
        return;
      case queueKinds.admitted:
        for (let place = subject; place < detail; place++) {
          const number = this.#numberAt(place);
          if (this.#isWaiting(number)) this.#statuses[this.#tokens[number] ?? 0] = statuses.admitted;
        }
        this.admittedUpTo = detail;
        return;
      case queueKinds.entered:
        this.#statuses[subject] = statuses.entered;
        return;
      case queueKinds.ended:
        this.#statuses[subject] = statuses.over;
    }
  }

  #numberAt(place: number): number {
    return this.#drawn[place] ?? place;
  }

  #isWaiting(number: number): boolean {
    const token = this.#tokens[number] ?? nobody;
    return token !== nobody && this.#statuses[token] === statuses.waiting;
  }

  #first(matches: (n: number) => boolean): number | undefined {
    for (let n = 0; n < this.#count; n++) if (matches(n)) return n;
    return undefined;
  }
}

/** The number at each place. */
function inverse(places: Uint32Array): Uint32Array {
  const numbers = new Uint32Array(places.length);
  for (let number = 0; number < places.length; number++) numbers[places[number] ?? 0] = number;
  return numbers;
}

type Turn = StoredEventOf<
  'TokenRequested' | 'TokenEntered' | 'TokenCompleted' | 'TokenExpired' | 'TokenLeft'
>;

/**
 * A fan's turn as of a moment. The estimated wait is left out: it was a guess, and the actual wait is known now.
 */
export async function queueTokenAt(
  { store, queues }: QueueSources,
  { performanceId, tokenId }: { readonly performanceId: PerformanceId; readonly tokenId: TokenId },
  moment: Moment,
): Promise<Then<QueueTokenReply>> {
  const all = await readStream(store, streams.token(tokenId));
  const [requested] = ofTypes(all, 'TokenRequested');
  if (!requested || requested.data.performanceId !== performanceId) return { kind: 'unknown' };
  const turn = upTo(turnOf(all), moment);
  const performance = await performanceAt(store, performanceId, moment);
  if (turn.length === 0 || performance.kind !== 'known') return { kind: 'not-yet', since: requested.at };
  const index = await queues.get(performanceId, performance.first.position);
  const queue = new QueueFold(index, moment);
  const token = queue.tokenOf(tokenId);
  const admission = await admissionOf(store, index.positionOf(token?.admittedBy ?? -1)?.position);
  const last = index.lastPosition(moment);
  const then = asOf(moment, [performance.latest, ...turn, ...(last ? [last] : [])]);
  const { status, expiresAt } = statusOf(turn, admission, then.at);
  return {
    kind: 'known',
    reply: {
      tokenId,
      performanceId,
      number: token?.number ?? null,
      place: token?.place ?? null,
      status,
      opened: queue.isOpen,
      opensAt: performance.details.sales.opensAt,
      ahead: status === 'waiting' ? fansAhead(token, queue) : 0,
      estimatedWaitSeconds: null,
      seatsMayRunOut: null,
      sale: null,
      saleEndsAt: null,
      enterBefore: status === 'admitted' ? (admission?.data.expiresAt ?? null) : null,
      expiresAt,
      numberOfTickets: requested.data.numberOfTickets,
      asOf: then,
    },
  };
}

function turnOf(events: readonly StoredEvent[]): readonly Turn[] {
  return ofTypes(events, 'TokenRequested', 'TokenEntered', 'TokenCompleted', 'TokenExpired', 'TokenLeft');
}

/** The admission at a position of the log. */
async function admissionOf(
  store: EventStore,
  position: Position | undefined,
): Promise<StoredEventOf<'TokensAdmitted'> | undefined> {
  if (position === undefined) return undefined;
  return ofTypes((await store.readAll({ from: position, limit: 1 })).map(toStored), 'TokensAdmitted')[0];
}

/** A turn whose deadline has passed is over, whether or not an event recorded that. */
function statusOf(
  turn: readonly Turn[],
  admission: StoredEventOf<'TokensAdmitted'> | undefined,
  at: Instant,
): { readonly status: TokenStatus; readonly expiresAt: Instant | null } {
  const entered = ofTypes(turn, 'TokenEntered')[0];
  const expiresAt = entered?.data.expiresAt ?? null;
  const last = turn.at(-1);
  switch (last?.type) {
    case 'TokenCompleted':
      return { status: 'completed', expiresAt };
    case 'TokenExpired':
      return { status: 'expired', expiresAt };
    case 'TokenLeft':
      return { status: 'left', expiresAt };
    case 'TokenEntered':
      return { status: last.data.expiresAt <= at ? 'expired' : 'entered', expiresAt };
    default:
      if (!admission) return { status: 'waiting', expiresAt };
      return { status: admission.data.expiresAt <= at ? 'expired' : 'admitted', expiresAt };
  }
}

/** Before the opening: fans who joined earlier. After it: fans who left count until their place is passed. */
function fansAhead(token: TokenThen | undefined, queue: QueueFold): number {
  const others = Math.max(0, queue.waiting - (token === undefined ? 0 : 1));
  const before =
    token?.place === undefined ? (token?.number ?? queue.issued) : token.place - queue.admittedUpTo;
  return Math.min(Math.max(0, before), others);
}
