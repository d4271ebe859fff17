import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { seatDecider } from '../domain/seat/seat.js';
import { isReservedBy } from '../domain/seat/seat-state.js';
import { isSameSeatRequest } from '../domain/token/seat-request.js';
import type { TokenHold } from '../domain/token/token-state.js';
import type { Position } from '../event-store/port.js';
import {
  type HoldId,
  holdIdSchema,
  type Instant,
  type ScheduleId,
  type SeatId,
  seatIdSchema,
} from '../events/ids.js';
import { streams } from '../events/streams.js';
import { deriveId } from '../platform/derive-id.js';
import { type CommandContext, stepContext } from './command-context.js';
import { Executor } from './execute.js';
import { HoldEnder } from './hold-ender.js';
import type { QueuePass } from './queue-pass.js';
import { Rejected, refuse } from './rejected.js';
import { SeatClaims } from './seat-claims.js';
import { type ForSale, type SeatForSale, SeatOffer } from './seat-offer.js';

const maxSeatsPerHold = 20;

export const holdSeatsSchema = z.union([
  z.strictObject({
    seatIds: z
      .array(seatIdSchema)
      .min(1)
      .max(maxSeatsPerHold)
      .refine((seatIds) => new Set(seatIds).size === seatIds.length, 'names a seat twice'),
  }),
  z.strictObject({
    bestAvailable: z.strictObject({
      quantity: z.number().int().min(1).max(maxSeatsPerHold),
      category: z.string().min(1).max(100).optional(),
    }),
  }),
]);
export type HoldSeatsInput = z.infer<typeof holdSeatsSchema>;

export interface HeldSeats {
  readonly holdId: HoldId;
  readonly scheduleId: ScheduleId;
  readonly seats: readonly SeatForSale[];
  readonly total: number;
  readonly expiresAt: Instant;
  readonly position: Position | undefined;
}

/** Blocks one or several seats of a schedule for a few minutes: all of them or none. */
export class HoldSeats extends Command<HeldSeats> {
  constructor(
    readonly pass: QueuePass,
    readonly scheduleId: ScheduleId,
    readonly input: HoldSeatsInput,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** Best-available choices tried before giving up: each try lost a seat to somebody else in between. */
const maxChoices = 5;

@CommandHandler(HoldSeats)
export class HoldSeatsHandler implements ICommandHandler<HoldSeats> {
  constructor(
    private readonly executor: Executor,
    private readonly offer: SeatOffer,
    private readonly claims: SeatClaims,
    private readonly holds: HoldEnder,
  ) {}

  /**
   * @throws {Rejected} schedule-unknown, not-on-sale, seat-unknown, seat-not-for-sale, seat-held, seat-reserved,
   * no-seats-available, token-waiting, token-ended, seat-limit-reached, hold-ended, idempotency-key-reused
   */
  async execute(command: HoldSeats): Promise<HeldSeats> {
    const { pass, scheduleId, input, context } = command;
    const forSale = await this.offer.open(scheduleId, pass.performanceId);
    if ('seatIds' in input) {
      const holdId = holdIdSchema.parse(deriveId(context.commandId, 'hold'));
      return this.#hold(command, forSale, holdId, this.offer.find(forSale, input.seatIds), { kind: 'seats' });
    }
    return this.#holdBestAvailable(command, forSale, input.bestAvailable);
  }

  async #holdBestAvailable(
    command: HoldSeats,
    forSale: ForSale,
    wanted: { readonly quantity: number; readonly category?: string | undefined },
  ): Promise<HeldSeats> {
    const request = {
      kind: 'best-available',
      quantity: wanted.quantity,
      ...(wanted.category === undefined ? {} : { category: wanted.category }),
    } as const;
    const lost = new Set<SeatId>();
    for (let choice = 0; ; choice++) {
      const holdId = holdIdSchema.parse(deriveId(command.context.commandId, 'hold', choice));
      const earlier = await this.#earlierHold(command, holdId);
      if (earlier?.lostSeat && choice + 1 < maxChoices) continue; // a retry: this choice went wrong before
      const seats = earlier
        ? this.offer.find(forSale, earlier.seatIds)
        : await this.offer.chooseBest(forSale, wanted, lost);
      try {
        return await this.#hold(command, forSale, holdId, seats, request);
      } catch (error) {
        const lostSeat = lostSeatOf(error);
        if (lostSeat === undefined || choice + 1 >= maxChoices) throw error;
        lost.add(lostSeat);
      }
    }
  }

  /** Claims the seats against the fan's limit, takes them in a fixed order, and gives all back if one is gone. */
  async #hold(
    command: HoldSeats,
    forSale: ForSale,
    holdId: HoldId,
    wanted: readonly SeatForSale[],
    request: TokenHold['request'],
  ): Promise<HeldSeats> {
    const { pass, scheduleId, context } = command;
    const { userId, tokenId } = pass;
    const wantedIds = wanted.map((seat) => seat.seatId);
    // A retry goes on where an earlier run stopped, and gives back what that one took if a seat is gone by now.
    const isRetry = (await this.holds.find(tokenId, holdId)) !== undefined;
    if (!isRetry) await this.offer.refuseTaken(scheduleId, wantedIds, holdId);
    const { holdTtlMs } = forSale.performance.sales;
    const claim = { holdId, scheduleId, seatIds: wantedIds, request, holdTtlMs };
    const { seatIds, expiresAt } = await this.claims.claim(pass, claim, context);
    // Another runner of the same command may have claimed first, and may have chosen other seats.
    const seats = this.offer.find(forSale, seatIds);
    let position: Position | undefined;
    // Everyone takes seats in the same order, so of two overlapping groups one always gets through.
    for (const { seatId, price } of [...seats].sort((a, b) => (a.seatId < b.seatId ? -1 : 1))) {
      const taken = await this.executor.execute(
        seatDecider,
        streams.seat(scheduleId, seatId),
        { kind: 'hold', scheduleId, seatId, holdId, userId, tokenId, price, expiresAt },
        context,
        { isLikelyNew: true },
      );
      if (taken.kind === 'rejected') {
        // A seat that is paid for ended this hold well: the rest of it belongs to the checkout.
        if (!isReservedBy(taken.state, holdId)) {
          await this.holds.giveBack(tokenId, holdId, 'conflict', stepContext(context, holdId));
        }
        throw new Rejected(taken.rejection);
      }
      position = taken.position;
    }
    await this.claims.confirm(pass, holdId, context);
    const total = seats.reduce((sum, seat) => sum + seat.price, 0);
    return { holdId, scheduleId, seats, total, expiresAt, position };
  }

  async #earlierHold({ pass, scheduleId, input }: HoldSeats, holdId: HoldId): Promise<TokenHold | undefined> {
    const hold = await this.holds.find(pass.tokenId, holdId);
    if (!hold || !('bestAvailable' in input)) return undefined;
    const request = { kind: 'best-available', ...input.bestAvailable } as const;
    if (isSameSeatRequest({ scheduleId, request, seatIds: [] }, hold)) return hold;
    throw refuse('idempotency-key-reused', 'This idempotency key belongs to another hold: use a new key.');
  }
}

/** The seat somebody else got first, if that is what went wrong. */
function lostSeatOf(error: unknown): SeatId | undefined {
  if (!(error instanceof Rejected)) return undefined;
  const { code, details } = error.rejection;
  if (code !== 'seat-held' && code !== 'seat-reserved') return undefined;
  return seatIdSchema.safeParse(details?.seatId).data;
}
