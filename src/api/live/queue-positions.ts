import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { BoardFeeds } from '../../boards/board-feeds.js';
import { QueueBoards } from '../../boards/queue-boards.js';
import type { QueueToken } from '../../commands/queue/queue-admission.js';
import { type Draw, drawing } from '../../domain/shuffle.js';
import type { Position } from '../../event-store/port.js';
import type { Instant, PerformanceId, TokenId } from '../../events/ids.js';
import type { DomainEvent } from '../../events/registry.js';
import { Clock } from '../../platform/clock.js';
import { inSlices } from '../../platform/time-slices.js';
import { isTokenEvent, type TokenEvent, type TokenState, tokenAfter } from '../../queries/queue-board.js';
import { API_SETTINGS, type ApiSettings } from '../api-settings.js';
import { sseMessage, type WireMessage } from './event-streams.js';
import type { Listener } from './seat-changes.js';

/** A token with the streams that show it. */
interface Watched {
  readonly tokenId: TokenId;
  readonly listeners: Set<Listener>;
  /** Undefined while the tables do not have it. */
  token: TokenState | undefined;
  /** What the streams were sent last. */
  told: TokenState | undefined;
  /** The token may have changed in a way that is not known, and must be read again. */
  isBehind: boolean;
}

/** Places that were let in, and until when their fans may enter. */
type Admitted = Extract<DomainEvent, { readonly type: 'TokensAdmitted' }>['data'];
type Opening = Extract<DomainEvent, { readonly type: 'QueueOpened' }>['data'];

/** A queue that somebody watches. */
interface Line {
  readonly watched: Map<TokenId, Watched>;
  /** The last message for everybody, so that only changes are sent. */
  told: string;
  toldAtMs: number;
  /** When everybody is told next. */
  due: { readonly atMs: number; readonly timer: NodeJS.Timeout } | undefined;
  isTelling: boolean;
  /** It has changed while everybody was told. */
  isDueAgain: boolean;
  /** Admissions since the opening whose places are being drawn; undefined when none are. */
  admittedMeanwhile: Admitted[] | undefined;
  /** Tells everybody when the sale ends, which no event says; undefined when the end is not known or over. */
  saleEnd: { readonly endsAt: Instant; readonly timer: NodeJS.Timeout } | undefined;
}

/** Changes that come within this time are told together, ms. */
const gatherMs = 100;
/** The end of a sale that lies further ahead is planned again after this time, ms: timers of Node count 31 bits. */
const maxTimerMs = 24 * 3_600_000;

/**
 * Live places in the queues. Everybody in a queue gets the same `queue` message, made and encoded once, at most every
 * `sse.positionEveryMs`; a fan computes the own place from it. The own `position` message is sent when the stream begins,
 * and at once when the fan's own token changes: a number, the place drawn at the opening, admitted, entered, ended.
 *
 * Tokens are not looked up for that: their events say what they became, and places follow from the seed that the opening
 * reveals, seconds before the tables have them all.
 */
@Injectable()
export class QueuePositions implements BeforeApplicationShutdown {
  readonly #logger = new Logger('QueuePositions');
  readonly #lines = new Map<PerformanceId, Line>();
  #isClosing = false;

  constructor(
    private readonly boards: QueueBoards,
    feeds: BoardFeeds,
    @Inject(API_SETTINGS) private readonly settings: Pick<ApiSettings, 'sse'>,
    private readonly clock: Clock,
  ) {
    feeds.add({
      queueEvent: (event, position) => this.#take(event, position),
      queueEventsMissed: () => this.#missed(),
    });
    boards.onChange((performanceId) => {
      const line = this.#lines.get(performanceId);
      if (line) this.#plan(performanceId, line);
    });
  }

  beforeApplicationShutdown(): void {
    this.#isClosing = true;
    for (const [performanceId, line] of this.#lines) this.#forget(performanceId, line);
  }

  /** Sends the fan's place and the state of the queue at once and whenever they change, until the returned function is called. */
  async subscribe({ performanceId, tokenId }: QueueToken, listener: Listener): Promise<() => void> {
    const line = this.#lines.get(performanceId) ?? newLine();
    this.#lines.set(performanceId, line);
    const watched = line.watched.get(tokenId) ?? {
      tokenId,
      listeners: new Set(),
      token: undefined,
      told: undefined,
      isBehind: true,
    };
    line.watched.set(tokenId, watched);
    watched.listeners.add(listener);
    try {
      if (watched.isBehind) await this.#readAgain(performanceId, [watched]);
      const board = await this.boards.of(performanceId);
      const nowMs = this.clock.nowMs();
      const queue = board.live(nowMs);
      this.#planSaleEnd(performanceId, line, queue.saleEndsAt);
      const own = watched.token ? sseMessage('position', board.placeOf(watched.token, nowMs)) : '';
      if (watched.listeners.size === 1) watched.told = watched.token;
      const shared = sseMessage('queue', queue);
      // Watchers know different states now: the next one goes to all, even if it equals the last one told.
      if (line.told === '' && line.watched.size === 1) line.told = shared;
      else if (line.told !== shared) line.told = '';
      if (watched.listeners.has(listener)) listener(own + shared);
    } catch (error) {
      watched.isBehind = true;
      this.#logger.warn(`a place could not be looked up: ${String(error)}`);
    }
    if (watched.isBehind || line.told === '' || this.boards.isBehind(performanceId))
      this.#plan(performanceId, line);
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size > 0) return;
      if (line.watched.get(tokenId) === watched) line.watched.delete(tokenId);
      if (line.watched.size === 0) this.#forget(performanceId, line);
    };
  }

  #take(event: DomainEvent, position: Position): void {
    if (!('performanceId' in event.data)) return;
    const { performanceId } = event.data;
    const line = this.#lines.get(performanceId);
    if (!line) return;
    if (event.type === 'QueueOpened') {
      this.#open(performanceId, line, event.data).catch((error: unknown) => {
        this.#logger.warn(`the places of a queue could not be drawn: ${String(error)}`);
        line.admittedMeanwhile = undefined;
        this.#missed();
      });
    }
    if (event.type === 'TokensAdmitted') this.#admit(performanceId, line, event.data);
    else if (isTokenEvent(event)) this.#change(performanceId, line, event, position);
  }

  #missed(): void {
    for (const [performanceId, line] of this.#lines) {
      for (const watched of line.watched.values()) watched.isBehind = true;
      this.#plan(performanceId, line);
    }
  }

  #change(performanceId: PerformanceId, line: Line, event: TokenEvent, position: number): void {
    const watched = line.watched.get(event.data.tokenId);
    if (!watched) return;
    const token = watched.token && tokenAfter(watched.token, event, position);
    if (token) {
      watched.token = token;
      this.#tellOwn(performanceId, watched);
    } else {
      watched.isBehind = true;
      this.#plan(performanceId, line);
    }
  }

  #admit(performanceId: PerformanceId, line: Line, admitted: Admitted): void {
    line.admittedMeanwhile?.push(admitted);
    // A short look at each; only those who are let in get a message.
    const those = [...line.watched.values()].filter((watched) => admitOne(watched, admitted));
    void inSlices(those, (watched) => this.#tellOwn(performanceId, watched));
  }

  /** Draws the places of all who joined before the opening, as the projection does, and tells them. */
  async #open(performanceId: PerformanceId, line: Line, opening: Opening): Promise<void> {
    if (line.admittedMeanwhile) return;
    line.admittedMeanwhile = [];
    const places = await placesInSlices(opening);
    const { admittedMeanwhile } = line;
    await inSlices([...line.watched.values()], (watched) => {
      const { token } = watched;
      if (!token || token.number === null || token.place !== null) return;
      watched.token = { ...token, place: places[token.number] ?? token.number };
      for (const admitted of admittedMeanwhile) admitOne(watched, admitted);
      this.#tellOwn(performanceId, watched);
    });
    line.admittedMeanwhile = undefined;
  }

  /** Sends a token's own message if the token has changed since the last one. */
  #tellOwn(performanceId: PerformanceId, watched: Watched): void {
    const { token, told } = watched;
    if (!token || isSame(token, told)) return;
    const board = this.boards.known(performanceId);
    if (!board) {
      // It is told when the queue has been read.
      watched.isBehind = true;
      return;
    }
    watched.told = token;
    const message = sseMessage('position', board.placeOf(token, this.clock.nowMs()));
    for (const listener of watched.listeners) this.#tell(listener, message);
  }

  /** A client that cannot be written to must not keep the message from the others. */
  #tell(listener: Listener, message: WireMessage): void {
    try {
      listener(message);
    } catch (error) {
      this.#logger.warn(`a place could not be sent: ${String(error)}`);
    }
  }

  /** Plans to tell everybody. @param isAgain what was read is behind, and will be for a while. */
  #plan(performanceId: PerformanceId, line: Line, isAgain = false): void {
    if (line.isTelling) line.isDueAgain = true;
    if (this.#isClosing || line.isTelling || this.#lines.get(performanceId) !== line) return;
    const { positionEveryMs } = this.settings.sse;
    const nowMs = performance.now();
    const soonMs = nowMs + (isAgain ? positionEveryMs : Math.min(gatherMs, positionEveryMs));
    const atMs = Math.max(soonMs, line.toldAtMs + positionEveryMs);
    if (line.due && line.due.atMs <= atMs) return;
    clearTimeout(line.due?.timer);
    const timer = setTimeout(() => {
      line.due = undefined;
      void this.#tellEverybody(performanceId, line);
    }, atMs - nowMs);
    line.due = { atMs, timer };
  }

  async #tellEverybody(performanceId: PerformanceId, line: Line): Promise<void> {
    line.isTelling = true;
    line.isDueAgain = false;
    let isBehind = true;
    try {
      isBehind = await this.#readThoseBehind(performanceId, line);
      const queue = (await this.boards.of(performanceId)).live(this.clock.nowMs());
      this.#planSaleEnd(performanceId, line, queue.saleEndsAt);
      const text = sseMessage('queue', queue);
      if (text !== line.told) {
        line.told = text;
        line.toldAtMs = performance.now();
        const message = Buffer.from(text);
        await inSlices(listenersOf(line), (listener) => this.#tell(listener, message));
      }
    } catch (error) {
      this.#logger.warn(`a queue could not be looked up: ${String(error)}`);
    }
    line.isTelling = false;
    if (line.isDueAgain) this.#plan(performanceId, line);
    else if (isBehind || this.boards.isBehind(performanceId)) this.#plan(performanceId, line, true);
  }

  /** Reads tokens again that are behind and tells those that differ. @returns whether some are still behind. */
  async #readThoseBehind(performanceId: PerformanceId, line: Line): Promise<boolean> {
    const behind = [...line.watched.values()].filter(({ isBehind }) => isBehind);
    if (behind.length === 0) return false;
    await this.#readAgain(performanceId, behind);
    await inSlices(behind, (watched) => this.#tellOwn(performanceId, watched));
    return behind.some(({ isBehind }) => isBehind);
  }

  async #readAgain(performanceId: PerformanceId, behind: readonly Watched[]): Promise<void> {
    const board = await this.boards.of(performanceId);
    const tokenIds = behind.map(({ tokenId }) => tokenId);
    const found = new Map<TokenId, TokenState>();
    for (const token of await this.boards.tokens(board, tokenIds)) found.set(token.tokenId, token);
    for (const watched of behind) {
      const read = found.get(watched.tokenId);
      const isOlder = read && watched.token && read.position < watched.token.position;
      // What an event said meanwhile, or an opening or admission that the tables lack, is not taken back.
      if (read && !isOlder && (!watched.token || !board.isAheadOf(read))) watched.token = read;
      watched.isBehind =
        !watched.token || board.isAheadOf(watched.token) || !this.boards.isCurrent(watched.token);
    }
  }

  #forget(performanceId: PerformanceId, line: Line): void {
    clearTimeout(line.due?.timer);
    clearTimeout(line.saleEnd?.timer);
    line.due = undefined;
    line.saleEnd = undefined;
    if (this.#lines.get(performanceId) === line) this.#lines.delete(performanceId);
  }

  /** Plans to tell everybody when the sale ends. */
  #planSaleEnd(performanceId: PerformanceId, line: Line, endsAt: Instant | null): void {
    if (line.saleEnd?.endsAt === endsAt || this.#isClosing) return;
    clearTimeout(line.saleEnd?.timer);
    line.saleEnd = undefined;
    const leftMs = endsAt === null ? 0 : Date.parse(endsAt) - this.clock.nowMs();
    if (endsAt === null || leftMs <= 0 || this.#lines.get(performanceId) !== line) return;
    const timer = setTimeout(
      () => {
        line.saleEnd = undefined;
        this.#plan(performanceId, line);
      },
      Math.min(leftMs, maxTimerMs),
    );
    line.saleEnd = { endsAt, timer };
  }
}

function newLine(): Line {
  return {
    watched: new Map(),
    told: '',
    toldAtMs: Number.NEGATIVE_INFINITY,
    due: undefined,
    isTelling: false,
    isDueAgain: false,
    admittedMeanwhile: undefined,
    saleEnd: undefined,
  };
}

function* listenersOf(line: Line): Generator<Listener> {
  for (const { listeners } of line.watched.values()) yield* listeners;
}

/** Lets in the fan if it is the turn of the place. @returns whether it is. */
function admitOne(watched: Watched, { from, to, expiresAt }: Admitted): boolean {
  const { token } = watched;
  if (token?.status !== 'waiting' || token.place === null) return false;
  if (token.place < from || token.place >= to) return false;
  watched.token = { ...token, status: 'admitted', enterBefore: expiresAt };
  return true;
}

/** A million places take half a second: requests have their turn meanwhile. */
async function placesInSlices(draw: Draw): Promise<Uint32Array> {
  let places: Uint32Array = new Uint32Array(0);
  function* pauses(): Generator<undefined> {
    places = yield* drawing(draw);
  }
  await inSlices(pauses(), () => undefined);
  return places;
}

function isSame(one: TokenState, other: TokenState | undefined): boolean {
  return (
    one.number === other?.number &&
    one.place === other.place &&
    one.status === other.status &&
    one.enterBefore === other.enterBefore &&
    one.expiresAt === other.expiresAt &&
    one.numberOfTickets === other.numberOfTickets
  );
}
