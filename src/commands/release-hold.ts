import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { tokenDecider } from '../domain/token/token.js';
import type { Position } from '../event-store/port.js';
import type { HoldId } from '../events/ids.js';
import { streams } from '../events/streams.js';
import type { CommandContext } from './command-context.js';
import { Executor } from './execute.js';
import { HoldEnder } from './hold-ender.js';
import type { QueuePass } from './queue-pass.js';
import { refuse } from './rejected.js';

/** Gives a hold's seats back before its deadline. Doing it twice changes nothing. */
export class ReleaseHold extends Command<{ readonly position: Position | undefined }> {
  constructor(
    readonly pass: QueuePass,
    readonly holdId: HoldId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(ReleaseHold)
export class ReleaseHoldHandler implements ICommandHandler<ReleaseHold> {
  constructor(
    private readonly executor: Executor,
    private readonly holds: HoldEnder,
  ) {}

  /** @throws {Rejected} hold-unknown, hold-in-progress */
  async execute({ pass, holdId, context }: ReleaseHold): Promise<{ position: Position | undefined }> {
    const token = await this.executor.load(tokenDecider, streams.token(pass.tokenId));
    const hold = token.state.kind === 'none' ? undefined : token.state.holds.get(holdId);
    if (!hold) throw refuse('hold-unknown', 'You have no such hold.');
    await this.holds.refuseInProgress(hold, holdId);
    const released = await this.holds.giveBack(pass.tokenId, holdId, 'released', context);
    return { position: (released ?? token).position };
  }
}
