import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { sessionDecider } from '../domain/user/session.js';
import { loginDecider, userDecider } from '../domain/user/user.js';
import { addMs, type SessionId, sessionIdSchema, type UserId } from '../events/ids.js';
import { streams } from '../events/streams.js';
import type { Clock } from '../platform/clock.js';
import { deriveId } from '../platform/derive-id.js';
import { PasswordHasher } from '../platform/password-hasher.js';
import type { SignedToken } from '../platform/token-signer.js';
import { TokenSigner } from '../platform/token-signer.js';
import type { CommandContext } from './command-context.js';
import { Executor } from './execute.js';
import { CLOCK, SETTINGS, type Settings } from './ports.js';
import { loginStreamOf } from './register-user.js';
import { refuse } from './rejected.js';

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
    private readonly executor: Executor,
    private readonly hasher: PasswordHasher,
    private readonly signer: TokenSigner,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** @throws {Rejected} invalid-credentials, the same for an unknown id and a wrong password */
  async execute({ input, context }: Login): Promise<SessionTokens> {
    const login = await this.executor.load(loginDecider, loginStreamOf(input.loginId));
    const userId = login.state.userId;
    const user = userId && (await this.executor.load(userDecider, streams.user(userId))).state;
    const passwordHash = user?.kind === 'registered' ? user.passwordHash : undefined;
    const isRight = await this.hasher.verify(passwordHash, input.password);
    if (!isRight || !userId) throw refuse('invalid-credentials', 'The login id or the password is wrong.');
    const sessionId = sessionIdSchema.parse(deriveId(context.commandId, 'session'));
    const expiresAt = addMs(this.clock.now(), this.settings.refreshTokenTtlMs);
    const start = { kind: 'start', sessionId, userId, expiresAt } as const;
    await this.executor.executeOrThrow(sessionDecider, streams.session(sessionId), start, context);
    return signSession(this.signer, this.settings, { userId, sessionId, generation: 0 });
  }
}

/** The tokens of a session at its current generation. */
export function signSession(
  signer: TokenSigner,
  settings: Pick<Settings, 'accessTokenTtlMs' | 'refreshTokenTtlMs'>,
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
