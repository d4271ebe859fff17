import { Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { type ChargeCommand, type ChargeState, chargeDecider } from '../../domain/charge.js';
import { assertNever } from '../../domain/decider.js';
import { Rejected, refuse } from '../../domain/rejection.js';
import { userDecider } from '../../domain/user.js';
import { maxBalance, walletClosed, walletDecider } from '../../domain/wallet.js';
import type { Position } from '../../event-store/port.js';
import { type ChargeId, chargeIdSchema, type UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import type { FrozenRequest } from '../../events/wallet-events.js';
import {
  type PaymentOutcome,
  PaymentProvider,
  type PaymentRequest,
} from '../../integrations/payment/port.js';
import { deriveId } from '../../platform/derive-id.js';
import type { CommandContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { CommandSettings } from '../settings.js';
import { StreamRepository } from '../stream-repository.js';

export const chargePointsSchema = z.strictObject({
  /** Points. */
  amount: z.number().int().min(1).max(10_000_000),
  /** The payment system's token for the card. */
  paymentMethod: z.string().trim().min(1).max(100),
});

/** Buys points through the payment system. */
export class ChargePoints extends Command<
  { readonly chargeId: ChargeId; readonly amount: number } & ChargeResult
> {
  constructor(
    readonly userId: UserId,
    readonly input: z.infer<typeof chargePointsSchema>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/**
 * Advances a charge as far as possible: request → the payment system's answer → points in the wallet. Every step is
 * idempotent by the charge's id, so it can be run again after a crash or a lost reply.
 *
 * A charge is declined only when the payment system says of this charge's id that no money was taken. Where it refuses
 * the request instead (a conflict, or an invalid request that is not the first one), an earlier request may have taken
 * the money. So the payment is looked up, and if that decides nothing the charge is left to an operator.
 */
@Injectable()
export class ChargeProcess {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly payments: PaymentProvider,
    private readonly settings: CommandSettings,
  ) {}

  /** The part of the payment request that the configuration decides: recorded when the charge is requested. */
  freezeRequest(userId: UserId): FrozenRequest {
    return {
      reference: `points for ${userId}`,
      callbackUrl: this.settings.paymentCallbackUrl ?? null,
    };
  }

  /**
   * @param options.isFirst no request was sent to the payment system before, by any process. Default false.
   * @throws {Rejected} charge-unknown
   */
  async advance(
    chargeId: ChargeId,
    context: CommandContext,
    { isFirst = false }: { readonly isFirst?: boolean } = {},
  ): Promise<ChargeResult> {
    const stream = streams.charge(chargeId);
    let { state, position } = await this.repository.load(chargeDecider, stream);
    const answer = await this.#ask(state, isFirst, context);
    if (answer !== undefined && answer.kind !== 'pending')
      ({ state, position } = await this.deciders.executeOrThrow(chargeDecider, stream, answer, context));
    switch (state.kind) {
      case 'none':
        throw refuse('charge-unknown', 'There is no such charge.');
      case 'requested': {
        const cause = answer?.kind === 'pending' ? answer.cause : 'the payment system has not answered';
        return { status: 'pending', cause, position };
      }
      case 'approved':
        return this.#credit(state, context);
      case 'declined':
        return { status: 'declined', reason: state.reason, position };
      case 'needs-attention':
        return { status: 'needs-attention', reason: state.reason, position };
      default:
        return assertNever(state);
    }
  }

  /** What the payment system says of a charge that it has not decided; undefined when there is nothing to ask. */
  async #ask(state: ChargeState, isFirst: boolean, context: CommandContext): Promise<Answer | undefined> {
    const signal = AbortSignal.timeout(this.settings.chargeReplyTimeoutMs);
    if (state.kind === 'requested' && (await this.isClosed(state.userId, context))) {
      // No money is taken of an erased user; what was taken before must be known.
      const found = await this.payments.findPayment(state.chargeId, signal);
      if (found.kind !== 'not-found') return toAnswer(found, state);
      const reason =
        'The account was erased while the payment was asked for, and no payment of it is known yet.';
      return { kind: 'need-attention', cause: 'payment-unclear', reason };
    }
    if (state.kind === 'requested') {
      const outcome = await this.payments.createPayment(this.#requestOf(state), signal);
      if (outcome.kind !== 'conflict' && outcome.kind !== 'rejected') return toAnswer(outcome, state);
      const found = await this.payments.findPayment(state.chargeId, signal);
      if (found.kind !== 'not-found') return toAnswer(found, state);
      if (outcome.kind === 'rejected' && isFirst) return { kind: 'decline', reason: outcome.reason };
      const reason = `The payment system refuses the request (${outcome.reason}) and has no payment of this charge.`;
      return { kind: 'need-attention', cause: 'payment-unclear', reason };
    }
    // A callback or the fan's retry: it may be known by now.
    if (state.kind === 'needs-attention' && state.cause === 'payment-unclear') {
      const found = await this.payments.findPayment(state.chargeId, signal);
      return found.kind === 'not-found' ? undefined : toAnswer(found, state);
    }
    return undefined;
  }

  #requestOf({ chargeId, userId, amount, paymentMethod, payment }: Requested): PaymentRequest {
    const { reference, callbackUrl } = payment ?? this.freezeRequest(userId);
    const callback = callbackUrl === null ? {} : { callbackUrl };
    return { idempotencyKey: chargeId, amount, paymentMethod, reference, ...callback };
  }

  /** Credits the points; where the wallet was closed in the meantime, the money is left to an operator. */
  async #credit({ userId, chargeId, amount }: Requested, context: CommandContext): Promise<ChargeResult> {
    await this.isClosed(userId, context);
    const credit = { kind: 'credit', userId, chargeId, amount } as const;
    const credited = await this.deciders.execute(walletDecider, streams.wallet(userId), credit, context);
    if (credited.kind === 'accepted')
      return { status: 'credited', balance: credited.state.balance, position: credited.position };
    if (credited.rejection.code !== 'wallet-closed') throw new Rejected(credited.rejection);
    const reason = 'The account was erased before the points were credited: give the money back.';
    const needAttention = { kind: 'need-attention', cause: 'wallet-closed', reason } as const;
    const stream = streams.charge(chargeId);
    const { position } = await this.deciders.executeOrThrow(chargeDecider, stream, needAttention, context);
    return { status: 'needs-attention', reason, position };
  }

  /**
   * Whether the user's account was erased, so that there is no wallet to credit. Older builds did not close the wallets of
   * erased users: closes such a wallet.
   */
  async isClosed(userId: UserId, context: CommandContext): Promise<boolean> {
    const stream = streams.wallet(userId);
    const wallet = await this.repository.load(walletDecider, stream);
    if (wallet.state.isClosed) return true;
    const user = await this.repository.load(userDecider, streams.user(userId));
    if (user.state.kind !== 'erased') return false;
    await this.deciders.executeOrThrow(walletDecider, stream, { kind: 'close', userId }, context);
    return true;
  }
}

@CommandHandler(ChargePoints)
export class ChargePointsHandler implements ICommandHandler<ChargePoints> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly progress: ChargeProcess,
  ) {}

  /** @throws {Rejected} payment-declined, wallet-full, wallet-closed, idempotency-key-reused */
  async execute({ userId, input, context }: ChargePoints) {
    if (await this.progress.isClosed(userId, context)) throw new Rejected(walletClosed().rejection);
    const wallet = await this.repository.load(walletDecider, streams.wallet(userId));
    if (wallet.state.balance + input.amount > maxBalance) {
      throw refuse('wallet-full', `A wallet holds at most ${maxBalance} points: charge less.`, {
        maxBalance,
      });
    }
    const chargeId = chargeIdSchema.parse(deriveId(context.commandId, 'charge'));
    const payment = this.progress.freezeRequest(userId);
    const request = { kind: 'request', chargeId, userId, ...input, payment } as const;
    const stream = streams.charge(chargeId);
    const { events } = await this.deciders.executeOrThrow(chargeDecider, stream, request, context);
    // The run that wrote the request is the first to send it.
    const result = await this.progress.advance(chargeId, context, { isFirst: events.length > 0 });
    if (result.status === 'declined') {
      throw refuse('payment-declined', `The payment was declined: ${result.reason}. Use another card.`, {
        chargeId,
      });
    }
    return { chargeId, amount: input.amount, ...result };
  }
}

export type ChargeResult =
  | { readonly status: 'credited'; readonly balance: number; readonly position: Position | undefined }
  | { readonly status: 'declined'; readonly reason: string; readonly position: Position | undefined }
  /** The payment system has not given a final answer and will be asked again. */
  | { readonly status: 'pending'; readonly cause: string; readonly position: Position | undefined }
  /** Left to an operator: the payment system is no longer asked automatically. */
  | { readonly status: 'needs-attention'; readonly reason: string; readonly position: Position | undefined };

type Requested = Exclude<ChargeState, { kind: 'none' }>;

/** Resumes a charge whose outcome was left open. */
export class AdvanceCharge extends Command<ChargeResult> {
  constructor(
    readonly chargeId: ChargeId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(AdvanceCharge)
export class AdvanceChargeHandler implements ICommandHandler<AdvanceCharge> {
  constructor(private readonly progress: ChargeProcess) {}

  execute({ chargeId, context }: AdvanceCharge): Promise<ChargeResult> {
    return this.progress.advance(chargeId, context);
  }
}

/** A decision about the charge, or why there is none yet. */
type Answer =
  | Exclude<ChargeCommand, { kind: 'request' | 'settle' }>
  | { readonly kind: 'pending'; readonly cause: string };

/** What the payment system's answer means; an unknown outcome is asked for again, never guessed. */
function toAnswer(outcome: PaymentOutcome, { amount }: Requested): Answer {
  switch (outcome.kind) {
    case 'approved': {
      const { paymentId } = outcome;
      if (outcome.amount === amount) return { kind: 'approve', paymentId };
      const reason = `Payment ${paymentId} took ${outcome.amount} points instead of ${amount}.`;
      return { kind: 'need-attention', cause: 'payment-unclear', reason, paymentId };
    }
    case 'declined':
      return { kind: 'decline', reason: outcome.reason };
    case 'pending':
      return { kind: 'pending', cause: 'the payment system has not decided' };
    case 'unknown':
      return { kind: 'pending', cause: outcome.reason };
    case 'rejected':
    case 'conflict':
      return { kind: 'need-attention', cause: 'payment-unclear', reason: outcome.reason };
    default:
      return assertNever(outcome);
  }
}
