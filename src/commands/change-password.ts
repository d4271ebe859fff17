import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { userDecider } from '../domain/user/user.js';
import type { Position } from '../event-store/port.js';
import type { UserId } from '../events/ids.js';
import { streams } from '../events/streams.js';
import { PasswordHasher } from '../platform/password-hasher.js';
import type { CommandContext } from './command-context.js';
import { Executor } from './execute.js';
import { registerUserSchema } from './register-user.js';
import { refuse } from './rejected.js';

export const changePasswordSchema = z.strictObject({
  currentPassword: z.string().min(1).max(200),
  newPassword: registerUserSchema.shape.password,
});

/** Replaces the password of whoever knows the current one. */
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
    private readonly executor: Executor,
    private readonly hasher: PasswordHasher,
  ) {}

  /** @throws {Rejected} invalid-credentials, user-unknown */
  async execute({ userId, input, context }: ChangePassword): Promise<{ position: Position | undefined }> {
    const stream = streams.user(userId);
    const { state } = await this.executor.load(userDecider, stream);
    const known = state.kind === 'registered' ? state.passwordHash : undefined;
    if (!(await this.hasher.verify(known, input.currentPassword))) {
      throw refuse('invalid-credentials', 'The current password is wrong.');
    }
    const passwordHash = await this.hasher.hash(input.newPassword);
    const change = { kind: 'change-password', passwordHash } as const;
    const { position } = await this.executor.executeOrThrow(userDecider, stream, change, context);
    return { position };
  }
}
