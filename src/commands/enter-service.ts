import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { tokenDecider } from '../domain/token/token.js';
import type { Position } from '../event-store/port.js';
import type { Instant } from '../events/ids.js';
import { streams } from '../events/streams.js';
import type { CommandContext } from './command-context.js';
import { Executor } from './execute.js';
import type { QueuePass } from './queue-pass.js';
import { QueueTurn } from './queue-turn.js';
import { refuse } from './rejected.js';

export interface EnteredService {
  /** The end of the fan's time inside. */
  readonly expiresAt: Instant;
  readonly position: Position | undefined;
}

/** Steps in when it is the fan's turn; from here the fan's time inside runs. */
export class EnterService extends Command<EnteredService> {
  constructor(
    readonly pass: QueuePass,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(EnterService)
export class EnterServiceHandler implements ICommandHandler<EnterService> {
  constructor(
    private readonly executor: Executor,
    private readonly turn: QueueTurn,
  ) {}

  /** @throws {Rejected} token-waiting, token-ended, token-unknown */
  async execute({ pass, context }: EnterService): Promise<EnteredService> {
    const admission = await this.turn.admissionOf(pass.performanceId, pass.number);
    const { state, position } = await this.executor.executeOrThrow(
      tokenDecider,
      streams.token(pass.tokenId),
      { kind: 'enter', admission },
      context,
    );
    if (state.kind !== 'entered') throw refuse('token-ended', 'Your turn has ended: join the queue again.');
    return { expiresAt: state.expiresAt, position };
  }
}
