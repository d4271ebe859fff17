import { createHash } from 'node:crypto';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { refuse } from '../../domain/rejection.js';
import { loginDecider, userDecider } from '../../domain/user.js';
import type { Position } from '../../event-store/port.js';
import { type UserId, userIdSchema } from '../../events/ids.js';
import { type StreamName, streams } from '../../events/streams.js';
import { isCommonPassword } from '../../platform/common-passwords.js';
import { deriveId } from '../../platform/derive-id.js';
import { PasswordHasher } from '../../platform/password-hasher.js';
import type { CommandContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { StreamRepository } from '../stream-repository.js';
import { newLoginId, newPassword, normalisedLoginId, personName } from './names.js';
import { type AccessSession, SessionCheck } from './session-check.js';

export const registerUserSchema = z.strictObject({
  loginId: newLoginId,
  username: personName(50),
  name: personName(100),
  password: newPassword,
});

export interface RegisteredUser {
  readonly userId: UserId;
  readonly loginId: string;
  readonly username: string;
  readonly name: string;
  readonly position: Position;
}

/** Opens an account. The login id is unique without regard to letter case. */
export class RegisterUser extends Command<RegisteredUser> {
  constructor(
    readonly input: z.infer<typeof registerUserSchema>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(RegisterUser)
export class RegisterUserHandler implements ICommandHandler<RegisterUser> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly hasher: PasswordHasher,
  ) {}

  /** @throws {Rejected} password-too-weak, login-id-taken */
  async execute({ input, context }: RegisterUser): Promise<RegisteredUser> {
    const { loginId, username, name, password } = input;
    if (normalisedLoginId(password) === normalisedLoginId(loginId)) throw sameAsLoginId();
    await refuseCommon(password);
    const loginStream = loginStreamOf(loginId);
    const claimedBefore = await this.repository.load(loginDecider, loginStream);
    if (claimedBefore.state.userId && (await this.#isRegistered(claimedBefore.state.userId))) throw taken();
    const passwordHash = await this.hasher.hash(password);
    const wanted = userIdSchema.parse(deriveId(context.commandId, 'user'));
    const claim = await this.deciders.execute(loginDecider, loginStream, { userId: wanted }, context);
    // A claim without a registration (a crash between the two) is taken over: the first registration of the claimed user
    // id gets it.
    const userId = claim.state.userId ?? wanted;
    const register = { kind: 'register', userId, loginId, username, name, passwordHash } as const;
    const registered = await this.deciders.executeOrThrow(
      userDecider,
      streams.user(userId),
      register,
      context,
    );
    if (!registered.position) throw taken();
    return { userId, loginId, username, name, position: registered.position };
  }

  async #isRegistered(userId: UserId): Promise<boolean> {
    const { state } = await this.repository.load(userDecider, streams.user(userId));
    return state.kind !== 'none';
  }
}

/** The stream that makes a login id unique. */
export function loginStreamOf(loginId: string): StreamName {
  return streams.login(createHash('sha256').update(normalisedLoginId(loginId)).digest('hex'));
}

function taken() {
  return refuse('login-id-taken', 'This login id is taken: choose another one.');
}

function sameAsLoginId() {
  return refuse('password-too-weak', 'The password is the login id: choose another one.');
}

/** @throws {Rejected} password-too-weak */
async function refuseCommon(password: string): Promise<void> {
  if (await isCommonPassword(password)) {
    throw refuse(
      'password-too-weak',
      'This password is among those that are guessed first: choose another one.',
    );
  }
}

export const changePasswordSchema = z.strictObject({
  currentPassword: z.string().min(1).max(200),
  newPassword,
});

/** Replaces the password; the current one is needed. Ends the user's other sessions. */
export class ChangePassword extends Command<{ readonly position: Position | undefined }> {
  constructor(
    /** Goes on; all others end. */
    readonly session: AccessSession,
    readonly input: z.infer<typeof changePasswordSchema>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(ChangePassword)
export class ChangePasswordHandler implements ICommandHandler<ChangePassword> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly hasher: PasswordHasher,
    private readonly sessions: SessionCheck,
  ) {}

  /** @throws {Rejected} invalid-credentials, also when another change came first; password-too-weak; session-ended; user-unknown */
  async execute({ session, input, context }: ChangePassword): Promise<{ position: Position | undefined }> {
    const stream = streams.user(session.userId);
    const { state } = await this.repository.load(userDecider, stream);
    const verifiedHash = state.kind === 'registered' ? state.passwordHash : undefined;
    const isRight = await this.hasher.verify(verifiedHash, input.currentPassword);
    if (!isRight || verifiedHash === undefined) {
      throw refuse('invalid-credentials', 'The current password is wrong.');
    }
    // The login id is not kept readable: a password that is the user's own login id leads to the user.
    const owner = await this.repository.load(loginDecider, loginStreamOf(input.newPassword));
    if (owner.state.userId === session.userId) throw sameAsLoginId();
    await refuseCommon(input.newPassword);
    const passwordHash = await this.hasher.hash(input.newPassword);
    // Hashing takes a while: another change that came first must not be overwritten.
    const change = { kind: 'change-password', passwordHash, verifiedHash, session } as const;
    const { position, events } = await this.deciders.executeOrThrow(userDecider, stream, change, context);
    this.sessions.take(events);
    return { position };
  }
}
