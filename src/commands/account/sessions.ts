import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { refuse } from '../../domain/rejection.js';
import { sessionDecider } from '../../domain/session.js';
import { loginDecider, userDecider } from '../../domain/user.js';
import { addMs, type SessionId, sessionIdSchema, type UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { deriveId } from '../../platform/derive-id.js';
import { PasswordHasher } from '../../platform/password-hasher.js';
import { type SignedToken, TokenSigner } from '../../platform/token-signer.js';
import type { CommandContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { CommandSettings } from '../settings.js';
import { StreamRepository } from '../stream-repository.js';
import { loginStreamOf } from './account.js';

export const loginSchema = z.strictObject({
  loginId: z.string().min(1).max(100),
  password: z.string().min(1).max(200),
});

/** The bearer tokens of a session. */
export interface SessionTokens {
  readonly userId: UserId;
  readonly access: SignedToken;
  readonly refresh: SignedToken;
}

/** Checks the password and starts a session. */
export class Login extends Command<SessionTokens> {
  constructor(
    readonly input: z.infer<typeof loginSchema>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(Login)
export class LoginHandler implements ICommandHandler<Login> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly hasher: PasswordHasher,
    private readonly signer: TokenSigner,
    private readonly clock: Clock,
    private readonly settings: CommandSettings,
  ) {}

  /** @throws {Rejected} invalid-credentials, the same for an unknown id and a wrong password */
  async execute({ input, context }: Login): Promise<SessionTokens> {
    const login = await this.repository.load(loginDecider, loginStreamOf(input.loginId));
    const userId = login.state.userId;
    const user = userId && (await this.repository.load(userDecider, streams.user(userId))).state;
    const passwordHash = user?.kind === 'registered' ? user.passwordHash : undefined;
    const isRight = await this.hasher.verify(passwordHash, input.password);
    if (!isRight || !userId) throw refuse('invalid-credentials', 'The login id or the password is wrong.');
    const sessionId = sessionIdSchema.parse(deriveId(context.commandId, 'session'));
    const expiresAt = addMs(this.clock.now(), this.settings.refreshTokenTtlMs);
    const start = { kind: 'start', sessionId, userId, expiresAt } as const;
    await this.deciders.executeOrThrow(sessionDecider, streams.session(sessionId), start, context);
    return signSession(this.signer, this.settings, { userId, sessionId, generation: 0 });
  }
}

/** The tokens of a session at its current generation. */
function signSession(
  signer: TokenSigner,
  settings: Pick<CommandSettings, 'accessTokenTtlMs' | 'refreshTokenTtlMs'>,
  session: { readonly userId: UserId; readonly sessionId: SessionId; readonly generation: number },
): SessionTokens {
  const { userId, sessionId, generation } = session;
  return {
    userId,
    access: signer.access.sign({ sub: userId, sid: sessionId }, settings.accessTokenTtlMs),
    refresh: signer.refresh.sign(
      { sub: userId, sid: sessionId, gen: generation },
      settings.refreshTokenTtlMs,
    ),
  };
}

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
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly signer: TokenSigner,
    private readonly clock: Clock,
    private readonly settings: CommandSettings,
  ) {}

  /** @throws {Rejected} session-ended, also when the token was used before */
  async execute({ refreshToken, context }: RefreshSession): Promise<SessionTokens> {
    const claims = this.signer.refresh.verify(refreshToken);
    if (!claims) throw sessionEnded();
    // Erasing a person ends all their sessions, including one that is being started at that moment.
    const user = await this.repository.load(userDecider, streams.user(claims.sub));
    if (user.state.kind !== 'registered') throw sessionEnded();
    const expiresAt = addMs(this.clock.now(), this.settings.refreshTokenTtlMs);
    const refresh = { kind: 'refresh', generation: claims.gen, expiresAt } as const;
    const { state } = await this.deciders.executeOrThrow(
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

/** Ends the session of a refresh token. An invalid token is ignored without an error. */
export class Logout extends Command<void> {
  constructor(
    readonly refreshToken: string,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(Logout)
export class LogoutHandler implements ICommandHandler<Logout> {
  constructor(
    private readonly deciders: DeciderHandler,
    private readonly signer: TokenSigner,
  ) {}

  async execute({ refreshToken, context }: Logout): Promise<void> {
    const claims = this.signer.refresh.verify(refreshToken);
    if (!claims) return;
    await this.deciders.executeOrThrow(sessionDecider, streams.session(claims.sid), { kind: 'end' }, context);
  }
}
