import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { chargeDecider } from '../domain/charge/charge.js';
import { maxBalance, walletDecider } from '../domain/wallet/wallet.js';
import { type ChargeId, chargeIdSchema, type UserId } from '../events/ids.js';
import { streams } from '../events/streams.js';
import { deriveId } from '../platform/derive-id.js';
import { ChargeProgress, type ChargeResult } from './advance-charge.js';
import type { CommandContext } from './command-context.js';
import { Executor } from './execute.js';
import { refuse } from './rejected.js';

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

@CommandHandler(ChargePoints)
export class ChargePointsHandler implements ICommandHandler<ChargePoints> {
  constructor(
    private readonly executor: Executor,
    private readonly progress: ChargeProgress,
  ) {}

  /** @throws {Rejected} payment-declined, wallet-full, idempotency-key-reused */
  async execute({ userId, input, context }: ChargePoints) {
    const wallet = await this.executor.load(walletDecider, streams.wallet(userId));
    if (wallet.state.balance + input.amount > maxBalance) {
      throw refuse('wallet-full', `A wallet holds at most ${maxBalance} points: charge less.`, {
        maxBalance,
      });
    }
    const chargeId = chargeIdSchema.parse(deriveId(context.commandId, 'charge'));
    const request = { kind: 'request', chargeId, userId, ...input } as const;
    await this.executor.executeOrThrow(chargeDecider, streams.charge(chargeId), request, context);
    const result = await this.progress.advance(chargeId, context);
    if (result.status === 'declined') {
      throw refuse('payment-declined', `The payment was declined: ${result.reason}. Use another card.`, {
        chargeId,
      });
    }
    return { chargeId, amount: input.amount, ...result };
  }
}
