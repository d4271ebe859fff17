import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { tokenDecider } from '../domain/token/token.js';
import type { Position } from '../event-store/port.js';
import { streams } from '../events/streams.js';
import { type CommandContext, stepContext } from './command-context.js';
import { Executor } from './execute.js';
import { HoldEnder } from './hold-ender.js';
import type { QueuePass } from './queue-pass.js';

/** Gives up the fan's turn and everything held in it. */
export class LeaveQueue extends Command<{ readonly position: Position | undefined }> {
  constructor(
    readonly pass: QueuePass,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(LeaveQueue)
export class LeaveQueueHandler implements ICommandHandler<LeaveQueue> {
  constructor(
    private readonly executor: Executor,
    private readonly holds: HoldEnder,
  ) {}

  /** @throws {Rejected} token-unknown, hold-in-progress */
  async execute({ pass, context }: LeaveQueue): Promise<{ position: Position | undefined }> {
    const stream = streams.token(pass.tokenId);
    const { state } = await this.executor.load(tokenDecider, stream);
    if (state.kind === 'waiting' || state.kind === 'entered') {
      for (const [holdId, hold] of state.holds) {
        if (hold.outstanding.length === 0) continue;
        await this.holds.refuseInProgress(hold, holdId);
        await this.holds.giveBack(pass.tokenId, holdId, 'released', stepContext(context, holdId));
      }
    }
    const left = await this.executor.executeOrThrow(tokenDecider, stream, { kind: 'leave' }, context);
    return { position: left.position };
  }
}
