import { loginStreamOf, type RegisteredUser } from '../commands/account/account.js';
import type { CommandContext } from '../commands/command-context.js';
import type { CheckoutResult } from '../commands/orders/checkout-process.js';
import type { QueueToken } from '../commands/queue/queue-admission.js';
import type { HeldSeats } from '../commands/seats/hold-seats.js';
import type { ChargeResult } from '../commands/wallet/charge-points.js';
import type { RecordedEvent } from '../event-store/port.js';
import type { EventMetadata } from '../events/event.js';
import {
  type ChargeId,
  chargeIdSchema,
  type HoldId,
  holdIdSchema,
  type Instant,
  type PerformanceId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  type UserId,
} from '../events/ids.js';
import { type DomainEvent, decodeEvent, type EventType } from '../events/registry.js';
import { type StreamName, streams } from '../events/streams.js';
import { deriveId } from '../platform/derive-id.js';
import type { Reply } from './client.js';

/** Records what each reply to a fan promises. */
export class FanPromises {
  constructor(private readonly promises: KeptPromises) {}

  registered({ userId, loginId }: RegisteredUser): void {
    this.promises.add(
      `${loginId} is registered once, as ${userId}`,
      (log) =>
        log.count(streams.user(userId), 'UserRegistered', (data) => data.loginId === loginId) === 1 &&
        log.count(loginStreamOf(loginId), 'LoginClaimed', (data) => data.userId === userId) === 1,
    );
  }

  charged(
    userId: UserId,
    amount: number,
    context: CommandContext,
    reply: Reply<{ readonly chargeId: ChargeId } & ChargeResult>,
  ): void {
    const credits = (log: LogIndex, chargeId: ChargeId) =>
      log.count(
        streams.wallet(userId),
        'PointsCharged',
        (data) => data.chargeId === chargeId && data.amount === amount,
      );
    if (reply.kind === 'done' && reply.result.status === 'credited') {
      const { chargeId } = reply.result;
      this.promises.add(`charge ${chargeId} is credited once`, (log) => credits(log, chargeId) === 1);
    }
    if (reply.kind === 'refused' && reply.code === 'payment-declined') {
      const chargeId = chargeIdSchema.parse(deriveId(context.commandId, 'charge'));
      this.promises.add(`declined charge ${chargeId} is not credited`, (log) => credits(log, chargeId) === 0);
    }
  }

  queued(performanceId: PerformanceId, tokenId: TokenId, number: number): void {
    this.promises.add(`turn ${tokenId} has number ${number}`, (log) => {
      const issued = log.events(streams.queue(performanceId));
      const first = issued.findIndex(
        (event) => event.type === 'TokenIssued' && event.data.tokenId === tokenId,
      );
      return first === number;
    });
  }

  entered(tokenId: TokenId): void {
    this.promises.add(
      `turn ${tokenId} was entered once`,
      (log) => log.count(streams.token(tokenId), 'TokenEntered') === 1,
    );
  }

  held({ tokenId }: QueueToken, { holdId, scheduleId, seats, total }: HeldSeats): void {
    this.promises.add(`hold ${holdId} took its ${seats.length} seats once`, (log) => {
      const asked = log.count(streams.token(tokenId), 'SeatsRequested', (data) => data.holdId === holdId);
      const taken = seats.every(
        ({ seatId }) =>
          log.count(streams.seat(scheduleId, seatId), 'SeatHeld', (data) => data.holdId === holdId) === 1,
      );
      return asked === 1 && taken && total === seats.reduce((sum, { price }) => sum + price, 0);
    });
  }

  /** A hold that was refused at its only attempt: each seat it took was given back or reserved. */
  notHeld(scheduleId: ScheduleId, seatIds: readonly SeatId[], context: CommandContext): void {
    const holdId = holdIdSchema.parse(deriveId(context.commandId, 'hold'));
    this.promises.add(`refused hold ${holdId} holds no seat`, (log) =>
      seatIds.every((seatId) => {
        const stream = streams.seat(scheduleId, seatId);
        const taken = log.count(stream, 'SeatHeld', (data) => data.holdId === holdId);
        const ended =
          log.count(stream, 'SeatReserved', (data) => data.holdId === holdId) +
          log.count(stream, 'SeatHoldReleased', (data) => data.holdId === holdId) +
          log.count(stream, 'SeatHoldExpired', (data) => data.holdId === holdId);
        return taken === ended;
      }),
    );
  }

  released(tokenId: TokenId, holdId: HoldId): void {
    this.promises.add(`hold ${holdId} was given back once`, (log) => {
      const events = log.events(streams.token(tokenId));
      const returned = events.flatMap((event) =>
        event.type === 'SeatsReturned' && event.data.holdId === holdId ? event.data.seatIds : [],
      );
      return new Set(returned).size === returned.length;
    });
  }

  paid(userId: UserId, order: CheckoutResult['order']): void {
    const { orderId, total, items } = order;
    this.promises.add(
      `order ${orderId} was paid once`,
      (log) =>
        log.count(streams.order(orderId), 'OrderPaid', (data) => data.total === total) === 1 &&
        log.count(streams.wallet(userId), 'PointsSpent', (data) => data.orderId === orderId) === 1 &&
        items.every(
          ({ scheduleId, seatId }) =>
            log.count(
              streams.seat(scheduleId, seatId),
              'SeatReserved',
              (data) => data.orderId === orderId,
            ) === 1,
        ),
    );
  }

  left(tokenId: TokenId): void {
    this.promises.add(`turn ${tokenId} has ended once`, (log) => {
      const stream = streams.token(tokenId);
      const ends =
        log.count(stream, 'TokenLeft') +
        log.count(stream, 'TokenCompleted') +
        log.count(stream, 'TokenExpired');
      return ends === 1;
    });
  }
}

type EventOf<Type extends EventType> = Extract<DomainEvent, { type: Type }>;

/** An event of the log with what its metadata says about its cause. */
export type LoggedEvent<Type extends EventType = EventType> = EventOf<Type> & {
  readonly correlationId: string;
  /** The decider's clock. */
  readonly occurredAt: Instant;
  /** True time, ms. */
  readonly writtenAtMs: number;
};

/** The log by stream and in its order, to look up the effects of a command. */
export class LogIndex {
  readonly all: readonly LoggedEvent[];
  readonly #streams = new Map<string, LoggedEvent[]>();
  readonly #types = new Map<string, LoggedEvent[]>();

  constructor(events: readonly RecordedEvent[]) {
    this.all = events.map((recorded) => {
      // encodeEvent wrote it.
      const { correlationId, occurredAt } = recorded.metadata as EventMetadata;
      const event = {
        ...decodeEvent(recorded),
        correlationId,
        occurredAt,
        writtenAtMs: recorded.recordedAtMs,
      };
      append(this.#streams, recorded.stream, event);
      append(this.#types, event.type, event);
      return event;
    });
  }

  events(stream: StreamName): readonly LoggedEvent[] {
    return this.#streams.get(stream) ?? [];
  }

  /** The events of one type, in the order of the log. */
  ofType<Type extends EventType>(type: Type, stream?: StreamName): readonly LoggedEvent<Type>[] {
    const events =
      stream === undefined
        ? (this.#types.get(type) ?? [])
        : this.events(stream).filter((event) => event.type === type);
    // All are of this type.
    return events as unknown as LoggedEvent<Type>[];
  }

  /** The number of a stream's events of a type that match. */
  count<Type extends EventType>(
    stream: StreamName,
    type: Type,
    matches: (data: EventOf<Type>['data']) => boolean = () => true,
  ): number {
    // The type says which event it is, and so whose data.
    const fits = matches as (data: DomainEvent['data']) => boolean;
    return this.ofType(type, stream).filter((event) => fits(event.data)).length;
  }

  isCancelled(scheduleId: ScheduleId): boolean {
    return this.count(streams.schedule(scheduleId), 'ScheduleCancelled') > 0;
  }
}

function append(lists: Map<string, LoggedEvent[]>, key: string, event: LoggedEvent): void {
  const known = lists.get(key);
  if (known) known.push(event);
  else lists.set(key, [event]);
}

interface Promised {
  readonly what: string;
  readonly isKept: (log: LogIndex) => boolean;
}

/**
 * What replies promised to clients: an acknowledged command is in the log exactly once, a refused one left nothing.
 * The log alone cannot show that.
 */
export class KeptPromises {
  readonly #promised: Promised[] = [];

  /** @param what describes the promise. */
  add(what: string, isKept: (log: LogIndex) => boolean): void {
    this.#promised.push({ what, isKept });
  }

  /** The promises that the log breaks. */
  broken(events: readonly RecordedEvent[]): string[] {
    const log = new LogIndex(events);
    return this.#promised.filter(({ isKept }) => !isKept(log)).map(({ what }) => what);
  }
}
