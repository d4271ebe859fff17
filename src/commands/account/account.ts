import { createHash } from 'node:crypto';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { refuse } from '../../domain/rejection.js';
import { loginDecider, userDecider } from '../../domain/user.js';
import type { Position } from '../../event-store/port.js';
import { nfcText, type UserId, userIdSchema } from '../../events/ids.js';
import { type StreamName, streams } from '../../events/streams.js';
import { deriveId } from '../../platform/derive-id.js';
import { PasswordHasher } from '../../platform/password-hasher.js';
import type { CommandContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { StreamRepository } from '../stream-repository.js';

export const registerUserSchema = z.strictObject({
  loginId: nfcText(30)
    .min(3)
    .regex(/^[\p{L}\p{N}._@+-]+$/u, 'may have letters, digits and . _ @ + -'),
  username: nfcText(50),
  name: nfcText(100),
  password: z.string().min(8).max(200),
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

  /** @throws {Rejected} login-id-taken */
  async execute({ input, context }: RegisterUser): Promise<RegisteredUser> {
    const { loginId, username, name, password } = input;
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

/** The stream that makes a login id unique: case and Unicode form do not make another id. */
export function loginStreamOf(loginId: string): StreamName {
  const normalised = loginId.normalize('NFKC').toLowerCase();
  return streams.login(createHash('sha256').update(normalised).digest('hex'));
}

function taken() {
  return refuse('login-id-taken', 'This login id is taken: choose another one.');
}

export const changePasswordSchema = z.strictObject({
  currentPassword: z.string().min(1).max(200),
  newPassword: registerUserSchema.shape.password,
});

/** Replaces the password; the current one is needed. */
export class ChangePassword extends Command<{ readonly position: Position | undefined }> {
  constructor(
    readonly userId: UserId,
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
  ) {}

  /** @throws {Rejected} invalid-credentials, also when another change came first; user-unknown */
  async execute({ userId, input, context }: ChangePassword): Promise<{ position: Position | undefined }> {
    const stream = streams.user(userId);
    const { state } = await this.repository.load(userDecider, stream);
    const verifiedHash = state.kind === 'registered' ? state.passwordHash : undefined;
    const isRight = await this.hasher.verify(verifiedHash, input.currentPassword);
    if (!isRight || verifiedHash === undefined) {
      throw refuse('invalid-credentials', 'The current password is wrong.');
    }
    const passwordHash = await this.hasher.hash(input.newPassword);
    // Hashing takes a while: another change that came first must not be overwritten.
    const change = { kind: 'change-password', passwordHash, verifiedHash } as const;
    const { position } = await this.deciders.executeOrThrow(userDecider, stream, change, context);
    return { position };
  }
}
