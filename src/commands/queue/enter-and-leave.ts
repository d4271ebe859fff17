import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Rejected } from '../../domain/rejection.js';
import { tokenDecider, tokenEnded } from '../../domain/token.js';
import type { Position } from '../../event-store/port.js';
import type { Instant, TokenId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { Holds } from '../seats/end-hold.js';
import { StreamRepository } from '../stream-repository.js';
import { QueueAdmission, type QueueToken } from './queue-admission.js';

interface EnteredService {
  /** The end of the fan's time inside. */
  readonly expiresAt: Instant;
  readonly position: Position | undefined;
}

/** Enters when the fan is admitted; the fan's time in the service begins. */
export class EnterService extends Command<EnteredService> {
  constructor(
    readonly queueToken: QueueToken,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(EnterService)
export class EnterServiceHandler implements ICommandHandler<EnterService> {
  constructor(
    private readonly deciders: DeciderHandler,
    private readonly admission: QueueAdmission,
  ) {}

  /** @throws {Rejected} token-waiting, token-ended, token-unknown */
  async execute({ queueToken, context }: EnterService): Promise<EnteredService> {
    const admission = await this.admission.admissionOf(queueToken.performanceId, queueToken.number);
    const { state, position } = await this.deciders.executeOrThrow(
      tokenDecider,
      streams.token(queueToken.tokenId),
      { kind: 'enter', admission },
      context,
    );
    if (state.kind !== 'entered') throw new Rejected(tokenEnded.rejection);
    return { expiresAt: state.expiresAt, position };
  }
}

/** Ends the fan's token and everything held with it. */
export class LeaveQueue extends Command<{ readonly position: Position | undefined }> {
  constructor(
    readonly queueToken: QueueToken,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(LeaveQueue)
export class LeaveQueueHandler implements ICommandHandler<LeaveQueue> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly holds: Holds,
  ) {}

  /** @throws {Rejected} token-unknown, hold-in-progress */
  async execute({ queueToken, context }: LeaveQueue): Promise<{ position: Position | undefined }> {
    const stream = streams.token(queueToken.tokenId);
    const { state } = await this.repository.load(tokenDecider, stream);
    if (state.kind === 'waiting' || state.kind === 'entered') {
      for (const [holdId, hold] of state.holds) {
        if (hold.outstanding.length === 0) continue;
        await this.holds.refuseInProgress(queueToken.tokenId, hold, holdId);
        await this.holds.giveBack(queueToken.tokenId, holdId, 'released', stepContext(context, holdId));
      }
    }
    const left = await this.deciders.executeOrThrow(tokenDecider, stream, { kind: 'leave' }, context);
    return { position: left.position };
  }
}

/**
 * Why a token ends: it has not entered before `claimUntil`, its time in the service is over, or it waits for a
 * performance whose sale is over.
 */
export type TokenLapse =
  | { readonly reason: 'claim-lapsed'; readonly claimUntil: Instant }
  | { readonly reason: 'time-used-up' }
  | { readonly reason: 'sale-ended' };

/** Ends a token whose time is up. Too early or repeated, it changes nothing. */
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
    private readonly deciders: DeciderHandler,
    private readonly holds: Holds,
  ) {}

  async execute({ tokenId, lapse, context }: ExpireToken): Promise<void> {
    // Holds end with the token at the latest, so all that are left have lapsed.
    await this.holds.expireLapsed(tokenId, stepContext(context, 'holds'));
    const expire = { kind: 'expire', ...lapse } as const;
    await this.deciders.execute(tokenDecider, streams.token(tokenId), expire, context);
  }
}
