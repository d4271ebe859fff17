import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { HoldId, TokenId } from '../events/ids.js';
import type { CommandContext } from './command-context.js';
import { HoldEnder } from './hold-ender.js';

/** Frees a hold whose deadline has passed. Early, late or repeated it changes nothing it should not. */
export class ExpireHold extends Command<void> {
  constructor(
    readonly tokenId: TokenId,
    readonly holdId: HoldId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(ExpireHold)
export class ExpireHoldHandler implements ICommandHandler<ExpireHold> {
  constructor(private readonly holds: HoldEnder) {}

  async execute({ tokenId, holdId, context }: ExpireHold): Promise<void> {
    await this.holds.expire(tokenId, holdId, context);
  }
}
