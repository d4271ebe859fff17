import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { Rejected, refuse, rejection } from '../../domain/rejection.js';
import { type SessionState, sessionDecider } from '../../domain/session.js';
import { loginDecider, sessionHasEnded, userDecider } from '../../domain/user.js';
import type { Position } from '../../event-store/port.js';
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
import { type AccessSession, SessionCheck } from './session-check.js';

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
    readonly signer: TokenSigner,
    readonly clock: Clock,
    readonly settings: CommandSettings,
  ) {}

  /** @throws {Rejected} invalid-credentials, the same for an unknown id and a wrong password */
  async execute({ input, context }: Login): Promise<SessionTokens> {
    const login = await this.repository.load(loginDecider, loginStreamOf(input.loginId));
    const userId = login.state.userId;
    const user = userId && (await this.repository.load(userDecider, streams.user(userId))).state;
    const passwordHash = user?.kind === 'registered' ? user.passwordHash : undefined;
    const isRight = await this.hasher.verify(passwordHash, input.password);
    if (!isRight || !userId || user?.kind !== 'registered')
      throw refuse('invalid-credentials', 'The login id or the password is wrong.');
    const sessionId = sessionIdSchema.parse(deriveId(context.commandId, 'session'));
    // The epoch of the moment when the password was read: a change of the password since then ends this session too.
    const { epoch } = user.sessions;
    const start = { kind: 'start', sessionId, userId, epoch, ...this.#ends() } as const;
    const stream = streams.session(sessionId);
    const { state } = await this.deciders.executeOrThrow(sessionDecider, stream, start, context);
    if (state.kind !== 'live') throw sessionEnded();
    return signSession(this, state);
  }

  #ends() {
    const now = this.clock.now();
    const { refreshTokenTtlMs, sessionMaxLifeMs } = this.settings;
    return { expiresAt: addMs(now, refreshTokenTtlMs), endsAt: addMs(now, sessionMaxLifeMs) };
  }
}

/** The tokens of a session at its current generation; none outlives it. */
function signSession(
  { signer, settings, clock }: { signer: TokenSigner; settings: CommandSettings; clock: Clock },
  session: Extract<SessionState, { kind: 'live' }>,
): SessionTokens {
  const { userId, sessionId, epoch, generation, expiresAt } = session;
  const leftMs = Math.max(0, Date.parse(expiresAt) - clock.nowMs());
  const { accessTokenTtlMs, refreshTokenTtlMs } = settings;
  return {
    userId,
    access: signer.access.sign(
      { sub: userId, sid: sessionId, ep: epoch },
      Math.min(accessTokenTtlMs, leftMs),
    ),
    refresh: signer.refresh.sign(
      { sub: userId, sid: sessionId, gen: generation },
      Math.min(refreshTokenTtlMs, leftMs),
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
    readonly signer: TokenSigner,
    readonly clock: Clock,
    readonly settings: CommandSettings,
    private readonly sessions: SessionCheck,
  ) {}

  /** @throws {Rejected} session-ended, also when the token was used before */
  async execute({ refreshToken, context }: RefreshSession): Promise<SessionTokens> {
    const claims = this.signer.refresh.verify(refreshToken);
    if (!claims) throw sessionEnded();
    const stream = streams.session(claims.sid);
    const session = await this.repository.load(sessionDecider, stream);
    const user = await this.repository.load(userDecider, streams.user(claims.sub));
    // What ends all sessions of a person is in the person's stream: it also ends those that start at that moment.
    if (user.state.kind !== 'registered' || session.state.kind !== 'live') throw sessionEnded();
    if (sessionHasEnded(user.state.sessions, session.state)) throw sessionEnded();
    const now = this.clock.now();
    const { refreshTokenTtlMs, sessionMaxLifeMs } = this.settings;
    const refresh = {
      kind: 'refresh',
      generation: claims.gen,
      expiresAt: addMs(now, refreshTokenTtlMs),
      endsAt: addMs(now, sessionMaxLifeMs),
    } as const;
    const { state, events } = await this.deciders.executeOrThrow(sessionDecider, stream, refresh, context);
    this.sessions.take(events);
    if (events[0]?.type === 'SessionEnded') throw new RefreshTokenReused(claims.sub);
    if (state.kind !== 'live') throw sessionEnded();
    return signSession(this, state);
  }
}

function sessionEnded() {
  return refuse('session-ended', endedMessage);
}

const endedMessage = 'This session has ended: log in again.';

/** A refresh token came back after it was used, so the session was ended. Answered as any other that has ended. */
export class RefreshTokenReused extends Rejected {
  constructor(readonly userId: UserId) {
    super(rejection('session-ended', endedMessage));
  }
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
    private readonly sessions: SessionCheck,
  ) {}

  async execute({ refreshToken, context }: Logout): Promise<void> {
    const claims = this.signer.refresh.verify(refreshToken);
    if (!claims) return;
    const end = { kind: 'end', reason: 'logout' } as const;
    const stream = streams.session(claims.sid);
    const { events } = await this.deciders.executeOrThrow(sessionDecider, stream, end, context);
    this.sessions.take(events);
  }
}

interface Written {
  readonly position: Position | undefined;
}

/** Ends one of a user's sessions, from any of them. One that has ended already stays so. */
export class EndSession extends Command<Written> {
  constructor(
    readonly userId: UserId,
    readonly sessionId: SessionId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(EndSession)
export class EndSessionHandler implements ICommandHandler<EndSession> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly sessions: SessionCheck,
  ) {}

  /** @throws {Rejected} session-unknown, also when it is somebody else's */
  async execute({ userId, sessionId, context }: EndSession): Promise<Written> {
    const stream = streams.session(sessionId);
    const { state } = await this.repository.load(sessionDecider, stream);
    if (state.kind === 'none' || state.userId !== userId) {
      throw refuse('session-unknown', 'You have no such session.');
    }
    const end = { kind: 'end', reason: 'ended-elsewhere' } as const;
    const { position, events } = await this.deciders.executeOrThrow(sessionDecider, stream, end, context);
    this.sessions.take(events);
    return { position };
  }
}

/** Ends all of a user's sessions but the one that asks. */
export class EndOtherSessions extends Command<Written> {
  constructor(
    readonly session: AccessSession,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(EndOtherSessions)
export class EndOtherSessionsHandler implements ICommandHandler<EndOtherSessions> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly sessions: SessionCheck,
  ) {}

  /** @throws {Rejected} session-ended, when the session that asks has ended; user-unknown */
  async execute({ session, context }: EndOtherSessions): Promise<Written> {
    const stream = streams.user(session.userId);
    const { state } = await this.repository.load(userDecider, stream);
    const seenEpoch = state.kind === 'registered' ? state.sessions.epoch : 0;
    const end = { kind: 'end-other-sessions', session, seenEpoch } as const;
    const { position, events } = await this.deciders.executeOrThrow(userDecider, stream, end, context);
    this.sessions.take(events);
    return { position };
  }
}
