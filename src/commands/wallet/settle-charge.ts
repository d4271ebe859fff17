import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { chargeDecider } from '../../domain/charge.js';
import { refuse } from '../../domain/rejection.js';
import type { ChargeId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { settlementOutcomes } from '../../events/wallet-events.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { StreamRepository } from '../stream-repository.js';
import { ChargeProcess, type ChargeResult } from './charge-points.js';

export const settleChargeSchema = z.strictObject({
  outcome: z
    .enum(settlementOutcomes)
    .describe(
      'Credited: the charge’s points go to the wallet. Rejected: they do not, and the charge has ended.',
    ),
  reason: z.string().trim().min(1).max(500).describe('Recorded in the log: what was found and done.'),
});

/** Ends a charge that needs attention, as an operator. Repeating it finishes what was interrupted. */
export class SettleCharge extends Command<ChargeResult> {
  constructor(
    readonly chargeId: ChargeId,
    readonly input: z.infer<typeof settleChargeSchema>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(SettleCharge)
export class SettleChargeHandler implements ICommandHandler<SettleCharge> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly progress: ChargeProcess,
  ) {}

  /**
   * A charge settled in this way before keeps its first reason.
   * @throws {Rejected} charge-unknown, charge-not-settleable, wallet-closed
   */
  async execute({ chargeId, input, context }: SettleCharge): Promise<ChargeResult> {
    const { state } = await this.repository.load(chargeDecider, streams.charge(chargeId));
    const isCredit = state.kind === 'needs-attention' && input.outcome === 'credited';
    if (isCredit && (await this.progress.isClosed(state.userId, context))) {
      throw refuse(
        'wallet-closed',
        'The account was erased, so there is no wallet to credit: give the money back and settle the charge as rejected.',
      );
    }
    const settle = { kind: 'settle', ...input } as const;
    await this.deciders.executeOrThrow(chargeDecider, streams.charge(chargeId), settle, context);
    return this.progress.advance(chargeId, stepContext(context, 'credit'));
  }
}
