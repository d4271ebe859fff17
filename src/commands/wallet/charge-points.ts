import { Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { type ChargeCommand, type ChargeState, chargeDecider } from '../../domain/charge.js';
import { refuse } from '../../domain/rejection.js';
import { maxBalance, walletDecider } from '../../domain/wallet.js';
import type { Position } from '../../event-store/port.js';
import { type ChargeId, chargeIdSchema, type UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { type PaymentOutcome, PaymentProvider } from '../../integrations/payment/port.js';
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
 */
@Injectable()
export class ChargeProcess {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly payments: PaymentProvider,
    private readonly settings: CommandSettings,
  ) {}

  /** @throws {Rejected} charge-unknown */
  async advance(chargeId: ChargeId, context: CommandContext): Promise<ChargeResult> {
    const stream = streams.charge(chargeId);
    let { state, position } = await this.repository.load(chargeDecider, stream);
    if (state.kind === 'none') throw refuse('charge-unknown', 'There is no such charge.');
    if (state.kind === 'requested') {
      const answer = toCommand(await this.#askPaymentSystem(state));
      if ('pending' in answer) return { status: 'pending', cause: answer.pending, position };
      ({ state, position } = await this.deciders.executeOrThrow(
        chargeDecider,
        stream,
        answer.final,
        context,
      ));
    }
    switch (state.kind) {
      case 'approved':
        return this.#credit(state, context);
      case 'declined':
        return { status: 'declined', reason: state.reason, position };
      default:
        return { status: 'pending', cause: 'the payment system has not answered', position };
    }
  }

  #askPaymentSystem({ chargeId, userId, amount, paymentMethod }: Requested): Promise<PaymentOutcome> {
    const callbackUrl = this.settings.paymentCallbackUrl;
    return this.payments.createPayment(
      {
        idempotencyKey: chargeId,
        amount,
        paymentMethod,
        reference: `points for ${userId}`,
        ...(callbackUrl === undefined ? {} : { callbackUrl }),
      },
      AbortSignal.timeout(this.settings.chargeReplyTimeoutMs),
    );
  }

  async #credit({ userId, chargeId, amount }: Requested, context: CommandContext): Promise<ChargeResult> {
    const credit = { kind: 'credit', userId, chargeId, amount } as const;
    const credited = await this.deciders.executeOrThrow(
      walletDecider,
      streams.wallet(userId),
      credit,
      context,
    );
    return { status: 'credited', balance: credited.state.balance, position: credited.position };
  }
}

@CommandHandler(ChargePoints)
export class ChargePointsHandler implements ICommandHandler<ChargePoints> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly progress: ChargeProcess,
  ) {}

  /** @throws {Rejected} payment-declined, wallet-full, idempotency-key-reused */
  async execute({ userId, input, context }: ChargePoints) {
    const wallet = await this.repository.load(walletDecider, streams.wallet(userId));
    if (wallet.state.balance + input.amount > maxBalance) {
      throw refuse('wallet-full', `A wallet holds at most ${maxBalance} points: charge less.`, {
        maxBalance,
      });
    }
    const chargeId = chargeIdSchema.parse(deriveId(context.commandId, 'charge'));
    const request = { kind: 'request', chargeId, userId, ...input } as const;
    await this.deciders.executeOrThrow(chargeDecider, streams.charge(chargeId), request, context);
    const result = await this.progress.advance(chargeId, context);
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
  | { readonly status: 'pending'; readonly cause: string; readonly position: Position | undefined };

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

/** The command for a payment system's answer; an unknown outcome is asked for again, never guessed. */
function toCommand(
  outcome: PaymentOutcome,
): { readonly final: ChargeCommand } | { readonly pending: string } {
  switch (outcome.kind) {
    case 'approved':
      return { final: { kind: 'approve', paymentId: outcome.paymentId } };
    case 'declined':
    case 'rejected':
      return { final: { kind: 'decline', reason: outcome.reason } };
    case 'pending':
      return { pending: 'the payment system has not decided' };
    case 'unknown':
    case 'conflict':
      return { pending: outcome.reason };
  }
}
