import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import type { CompanionPlace } from '../../domain/companions.js';
import { Rejected, refuse } from '../../domain/rejection.js';
import { holdEnded, inSeatOrder, isReservedBy, seatDecider } from '../../domain/seat.js';
import {
  isSameSeatRequest,
  isWhole,
  stillCooling,
  type TokenHold,
  tokenDecider,
} from '../../domain/token.js';
import type { Position } from '../../event-store/port.js';
import {
  type HoldId,
  holdIdSchema,
  type Instant,
  type ScheduleId,
  type SeatId,
  seatIdSchema,
} from '../../events/ids.js';
import { wheelchairAccess } from '../../events/queue-events.js';
import { streams } from '../../events/streams.js';
import { Chance } from '../../platform/chance.js';
import { Clock } from '../../platform/clock.js';
import { deriveId } from '../../platform/derive-id.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { QueueAdmission, type QueueToken } from '../queue/queue-admission.js';
import { StreamRepository } from '../stream-repository.js';
import { Holds } from './end-hold.js';
import { type ForSale, type SeatForSale, SeatsForSale, type WantedSeats } from './seats-for-sale.js';

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
    bestAvailable: z
      .strictObject({
        quantity: z.number().int().min(1).max(maxSeatsPerHold),
        category: z.string().min(1).max(100).optional(),
        section: z
          .string()
          .min(1)
          .max(64)
          .optional()
          .describe('Id of the only section wanted, such as a standing area.'),
        access: wheelchairAccess
          .optional()
          .describe(
            'For a wheelchair user: wheelchair places, or one wheelchair place with its companion places. Without it neither is offered.',
          ),
        acceptRestrictedView: z
          .boolean()
          .optional()
          .describe('Also seats with a restricted view, when there are too few others.'),
      })
      .refine(({ quantity, access }) => access !== 'wheelchair-and-companion' || quantity > 1, {
        path: ['quantity'],
        message: 'counts the wheelchair place and its companion places: at least 2',
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
    readonly queueToken: QueueToken,
    readonly scheduleId: ScheduleId,
    readonly input: HoldSeatsInput,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** Best-available choices tried before giving up: each try lost a seat to another hold in between. */
const maxChoices = 5;

@CommandHandler(HoldSeats)
export class HoldSeatsHandler implements ICommandHandler<HoldSeats> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly seatsForSale: SeatsForSale,
    private readonly admission: QueueAdmission,
    private readonly holds: Holds,
    private readonly clock: Clock,
    private readonly chance: Chance,
  ) {}

  /**
   * @throws {Rejected} schedule-unknown, not-on-sale, seat-unknown, seat-not-for-sale, companion-needs-wheelchair, seat-held, already-held,
   * seat-reserved, seat-cooling-down, no-seats-available, performance-unknown, token-unknown, token-waiting, token-ended, seat-limit-reached, hold-ended,
   * idempotency-key-reused, busy
   */
  async execute(command: HoldSeats): Promise<HeldSeats> {
    const { queueToken, scheduleId, input, context } = command;
    const forSale = await this.seatsForSale.open(scheduleId, queueToken.performanceId);
    if ('seatIds' in input) {
      const holdId = holdIdSchema.parse(deriveId(context.commandId, 'hold'));
      return this.#hold(command, forSale, holdId, input.seatIds, { kind: 'seats' });
    }
    return this.#holdBestAvailable(command, forSale, input.bestAvailable);
  }

  async #holdBestAvailable(command: HoldSeats, forSale: ForSale, wanted: WantedSeats): Promise<HeldSeats> {
    const request = { kind: 'best-available', ...wanted } as const;
    // The decider refuses them; others may do as well.
    const lost = await this.#coolingSeats(command);
    for (let choice = 0; ; choice++) {
      const holdId = holdIdSchema.parse(deriveId(command.context.commandId, 'hold', choice));
      const earlier = await this.#earlierHold(command, holdId, request);
      if (earlier?.lostSeat && choice + 1 < maxChoices) continue; // a retry: this choice lost a seat before
      const chosen = earlier ? undefined : await this.seatsForSale.chooseBest(forSale, wanted, lost);
      const seatIds = earlier?.seatIds ?? chosen?.seatIds ?? [];
      try {
        return await this.#hold(command, forSale, holdId, seatIds, request);
      } catch (error) {
        const lostSeat = lostSeatOf(error);
        if (lostSeat === undefined || choice + 1 >= maxChoices) throw error;
        lost.add(lostSeat);
      } finally {
        chosen?.end();
      }
    }
  }

  /** Claims the seats against the fan's limit, takes them in a fixed order, and gives all back if one is gone. */
  async #hold(
    command: HoldSeats,
    forSale: ForSale,
    holdId: HoldId,
    wantedIds: readonly SeatId[],
    request: TokenHold['request'],
  ): Promise<HeldSeats> {
    const { queueToken, scheduleId, context } = command;
    const { userId, tokenId } = queueToken;
    // A retry continues an earlier run, and gives back what that one took if a seat is gone by now.
    const earlier = await this.holds.find(tokenId, holdId);
    const heldAt = earlier ? await this.holds.pricesOf(earlier, holdId) : undefined;
    // Refuses unknown seats before anything is written.
    const wanted = this.seatsForSale.find(forSale, wantedIds, heldAt);
    if (!earlier) await this.seatsForSale.refuseTaken(scheduleId, wantedIds, { holdId, userId });
    const { holdTtlMs } = forSale.performance.sales;
    const companions = wanted.flatMap(({ seatId, companionOf }) =>
      companionOf === undefined ? [] : [{ seatId, companionOf }],
    );
    const claim = { holdId, scheduleId, seatIds: wantedIds, companions, request, holdTtlMs };
    const first = earlier ? undefined : await this.#claimAndTake(queueToken, claim, forSale, wanted, context);
    const { seatIds, expiresAt } = first?.hold ?? (await this.#claim(queueToken, claim, context));
    // Another run of the same command may have claimed first, and may have chosen other seats.
    const seats = first ? wanted : this.seatsForSale.find(forSale, seatIds, heldAt);
    const prices = new Map<SeatId, number>();
    let position = first?.position;
    for (const { seatId, price } of inSeatOrder(seats)) {
      if (first?.taken.has(seatId)) continue;
      const { outcome: taken } = await this.holds.executeOnSeat(
        { tokenId, holdId, scheduleId, seatId, expiresAt },
        {
          kind: 'hold',
          scheduleId,
          seatId,
          holdId,
          userId,
          tokenId,
          price,
          expiresAt,
          returnDelayMs: this.#drawReturnDelay(forSale),
        },
        context,
        { isLikelyNew: true },
      );
      if (taken.kind === 'rejected') {
        // An order has reserved this seat under this hold; its checkout decides about the other seats.
        if (!isReservedBy(taken.state, holdId)) {
          await this.holds.giveBack(tokenId, holdId, 'conflict', stepContext(context, holdId));
        }
        throw new Rejected(taken.rejection);
      }
      // Another run may have taken it at another price: the price list may change in between.
      if (taken.state.kind === 'held') prices.set(seatId, taken.state.price);
      position = taken.position;
    }
    await this.#confirm(command, forSale, holdId, seats);
    const held = seats.map((seat) => ({ ...seat, price: prices.get(seat.seatId) ?? seat.price }));
    const total = held.reduce((sum, seat) => sum + seat.price, 0);
    return { holdId, scheduleId, seats: held, total, expiresAt, position };
  }

  /**
   * The first run of a request, as it nearly always goes: the claim and all seats are decided on what is known here and
   * travel to the log together, the claim first. The log writes a seat only if the claim was written in the same run, and
   * not found there from an earlier one: docs/late-requests.md.
   * @returns the hold and which seats it got; the others are still to be taken. Undefined when nothing was claimed.
   */
  async #claimAndTake(
    queueToken: QueueToken,
    claim: SeatClaim,
    forSale: ForSale,
    seats: readonly SeatForSale[],
    context: CommandContext,
  ): Promise<FirstRun | undefined> {
    const { tokenId, userId } = queueToken;
    const { holdId, scheduleId } = claim;
    const request = await this.#requestOf(queueToken, claim);
    const plan = this.deciders.plan();
    const claimed = plan.add(tokenDecider, streams.token(tokenId), request);
    const hold = claimed?.kind === 'entered' ? claimed.holds.get(holdId) : undefined;
    if (!hold) return undefined;
    const { expiresAt } = hold;
    const ordered = inSeatOrder(seats);
    for (const { seatId, price } of ordered) {
      const command = {
        kind: 'hold',
        scheduleId,
        seatId,
        holdId,
        userId,
        tokenId,
        price,
        expiresAt,
        returnDelayMs: this.#drawReturnDelay(forSale),
      } as const;
      const taken = plan.add(seatDecider, streams.seat(scheduleId, seatId), command, { isLikelyNew: true });
      // It may be taken, or have forgotten holds: the ordinary way finds out.
      if (!taken) return undefined;
    }
    const results = await plan.append(context);
    if (results.length === 0) return undefined;
    const taken = new Set(ordered.slice(0, results.length - 1).map(({ seatId }) => seatId));
    return { hold, taken, position: results.at(-1)?.position };
  }

  /** After how long the seat comes back when it is not paid for: another time for each, and known to no fan. */
  #drawReturnDelay({ performance }: ForSale): number | undefined {
    const { seatReturnWindowMs = 0 } = performance.sales;
    return seatReturnWindowMs === 0 ? undefined : 1 + this.chance.below(seatReturnWindowMs);
  }

  /** The claim as the token's stream decides it. */
  async #requestOf({ tokenId, performanceId, number }: QueueToken, claim: SeatClaim) {
    const { state } = await this.repository.load(tokenDecider, streams.token(tokenId));
    const hasEntered = state.kind === 'entered';
    const admission = hasEntered ? undefined : await this.admission.admissionOf(performanceId, number);
    return { kind: 'request-seats', ...claim, admission } as const;
  }

  /**
   * Claims the seats against the fan's limit before any is taken, or finds the claim of an earlier run of the same
   * command, which may have crashed or may be taking the seats now.
   * @returns the hold as it was claimed first, perhaps of other seats.
   * @throws {Rejected} token-waiting, token-ended, seat-limit-reached, seat-cooling-down, companion-needs-wheelchair, hold-ended,
   * idempotency-key-reused, busy
   */
  async #claim(queueToken: QueueToken, claim: SeatClaim, context: CommandContext): Promise<TokenHold> {
    const { tokenId } = queueToken;
    const stream = streams.token(tokenId);
    const request = await this.#requestOf(queueToken, claim);
    const attempt = () => this.deciders.execute(tokenDecider, stream, request, context);
    let claimed = await attempt();
    if (claimed.kind === 'rejected' && claimed.rejection.code === 'seat-limit-reached') {
      // Lapsed holds no longer count, but may not have been returned to the limit yet.
      const isReturned = await this.holds.expireLapsed(tokenId, stepContext(context, 'lapsed'));
      if (isReturned) claimed = await attempt();
    }
    if (claimed.kind === 'rejected') throw new Rejected(claimed.rejection);
    const { holdId } = claim;
    const hold = claimed.state.kind === 'none' ? undefined : claimed.state.holds.get(holdId);
    if (!hold) throw refuse('busy', 'The hold could not be recorded: try again.');
    const isFirstRun = claimed.events.some(({ type }) => type === 'SeatsRequested');
    // A later run is recorded before it takes a seat: docs/late-requests.md.
    if (!isFirstRun && (await this.holds.isInProgress(tokenId, hold, holdId))) {
      const record = { kind: 'record-second-run', holdId } as const;
      const step = stepContext(context, holdId, 'repeated');
      await this.deciders.executeOrThrow(tokenDecider, stream, record, step);
    }
    return hold;
  }

  /**
   * Another run of the same command may have given seats back meanwhile, the token may have ended, or an import may have
   * changed the plan: then the hold is ended on all its seats. An import looks for holds after it has changed the plan,
   * and the plan is read here after the seats were taken: so one of them finds the other.
   * @throws {Rejected} hold-ended, seat-not-for-sale
   */
  async #confirm(
    { queueToken: { tokenId }, context }: HoldSeats,
    forSale: ForSale,
    holdId: HoldId,
    seats: readonly SeatForSale[],
  ): Promise<void> {
    const [{ state }, areInPlan] = await Promise.all([
      this.repository.load(tokenDecider, streams.token(tokenId)),
      this.seatsForSale.areInPlan(forSale, seats),
    ]);
    const hold = state.kind === 'entered' ? state.holds.get(holdId) : undefined;
    const isLive = hold !== undefined && isWhole(hold);
    if (isLive && areInPlan) return;
    // The seats of a turn that has ended must not come back faster than those that are given back.
    const reason = isLive ? 'conflict' : 'released';
    await this.holds.giveBack(tokenId, holdId, reason, stepContext(context, holdId, 'unconfirmed'));
    if (!isLive) throw new Rejected(holdEnded.rejection);
    throw refuse('seat-not-for-sale', 'The seating plan has just changed: load it again and choose seats.');
  }

  /** Seats of the date that the fan may not hold again yet. */
  async #coolingSeats({ queueToken: { tokenId }, scheduleId }: HoldSeats): Promise<Set<SeatId>> {
    const { state } = await this.repository.load(tokenDecider, streams.token(tokenId));
    if (state.kind === 'none' || state.cooling.size === 0) return new Set();
    const cooling = stillCooling(state.cooling.values(), this.clock.now());
    return new Set(cooling.filter((seat) => seat.scheduleId === scheduleId).map(({ seatId }) => seatId));
  }

  async #earlierHold(
    { queueToken, scheduleId }: HoldSeats,
    holdId: HoldId,
    request: TokenHold['request'],
  ): Promise<TokenHold | undefined> {
    const hold = await this.holds.find(queueToken.tokenId, holdId);
    if (!hold || isSameSeatRequest({ scheduleId, request, seatIds: [] }, hold)) return hold;
    throw refuse('idempotency-key-reused', 'This idempotency key belongs to another hold: use a new key.');
  }
}

interface SeatClaim {
  readonly holdId: HoldId;
  readonly scheduleId: ScheduleId;
  readonly seatIds: readonly SeatId[];
  readonly companions: readonly CompanionPlace[];
  readonly request: TokenHold['request'];
  readonly holdTtlMs: number;
}

/** What the first run of a request wrote at once. */
interface FirstRun {
  readonly hold: TokenHold;
  /** The seats it got; in the fixed order, all seats after the first that is missing are missing too. */
  readonly taken: ReadonlySet<SeatId>;
  /** Of the last event. */
  readonly position: Position | undefined;
}

/** The seat that another hold got first, if that is why the request was refused. */
function lostSeatOf(error: unknown): SeatId | undefined {
  if (!(error instanceof Rejected)) return undefined;
  const { code, details } = error.rejection;
  if (code !== 'seat-held' && code !== 'already-held' && code !== 'seat-reserved') return undefined;
  return seatIdSchema.safeParse(details?.seatId).data;
}
