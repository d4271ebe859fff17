import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { sessionDecider } from '../domain/user/session.js';
import { userDecider } from '../domain/user/user.js';
import { addMs } from '../events/ids.js';
import { streams } from '../events/streams.js';
import type { Clock } from '../platform/clock.js';
import { TokenSigner } from '../platform/token-signer.js';
import type { CommandContext } from './command-context.js';
import { Executor } from './execute.js';
import { type SessionTokens, signSession } from './login.js';
import { CLOCK, SETTINGS, type Settings } from './ports.js';
import { refuse } from './rejected.js';

export const refreshSessionSchema = z.strictObject({ refreshToken: z.string().min(1).max(2000) });

/** Exchanges a refresh token for new tokens; the old one is used up. */
export class RefreshSession extends Command<SessionTokens> {
  constructor(
    readonly refreshToken: string,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(RefreshSession)
export class RefreshSessionHandler implements ICommandHandler<RefreshSession> {
  constructor(
    private readonly executor: Executor,
    private readonly signer: TokenSigner,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** @throws {Rejected} session-ended, also when the token was used before */
  async execute({ refreshToken, context }: RefreshSession): Promise<SessionTokens> {
    const claims = this.signer.refresh.verify(refreshToken);
    if (!claims) throw sessionEnded();
    // Erasing a person ends all their sessions, including one that is being started at that moment.
    const user = await this.executor.load(userDecider, streams.user(claims.sub));
    if (user.state.kind !== 'registered') throw sessionEnded();
    const expiresAt = addMs(this.clock.now(), this.settings.refreshTokenTtlMs);
    const refresh = { kind: 'refresh', generation: claims.gen, expiresAt } as const;
    const { state } = await this.executor.executeOrThrow(
      sessionDecider,
      streams.session(claims.sid),
      refresh,
      context,
    );
    if (state.kind !== 'live') throw sessionEnded();
    return signSession(this.signer, this.settings, state);
  }
}

function sessionEnded() {
  return refuse('session-ended', 'This session has ended: log in again.');
}
