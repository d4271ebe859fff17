import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { tokenDecider } from '../domain/token/token.js';
import type { Instant, TokenId } from '../events/ids.js';
import { streams } from '../events/streams.js';
import { type CommandContext, stepContext } from './command-context.js';
import { Executor } from './execute.js';
import { HoldEnder } from './hold-ender.js';

/**
 * Why a token's time may be up: never entered before `claimUntil`, its time inside has run out, or it waits for
 * a performance whose sale is over.
 */
export type TokenLapse =
  | { readonly reason: 'claim-lapsed'; readonly claimUntil: Instant }
  | { readonly reason: 'time-used-up' }
  | { readonly reason: 'sale-ended' };

/** Ends a token whose time is up. Early, late or repeated it changes nothing it should not. */
export class ExpireToken extends Command<void> {
  constructor(
    readonly tokenId: TokenId,
    readonly lapse: TokenLapse,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(ExpireToken)
export class ExpireTokenHandler implements ICommandHandler<ExpireToken> {
  constructor(
    private readonly executor: Executor,
    private readonly holds: HoldEnder,
  ) {}

  async execute({ tokenId, lapse, context }: ExpireToken): Promise<void> {
    // Holds end with the token at the latest, so whatever it still has has lapsed.
    await this.holds.giveBackLapsed(tokenId, stepContext(context, 'holds'));
    const expire = { kind: 'expire', ...lapse } as const;
    await this.executor.execute(tokenDecider, streams.token(tokenId), expire, context);
  }
}
