import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { sessionDecider } from '../domain/user/session.js';
import { streams } from '../events/streams.js';
import { TokenSigner } from '../platform/token-signer.js';
import type { CommandContext } from './command-context.js';
import { Executor } from './execute.js';

/** Ends the session of a refresh token. A token that is not valid ends nothing, and nobody learns that. */
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
    private readonly executor: Executor,
    private readonly signer: TokenSigner,
  ) {}

  async execute({ refreshToken, context }: Logout): Promise<void> {
    const claims = this.signer.refresh.verify(refreshToken);
    if (!claims) return;
    await this.executor.executeOrThrow(sessionDecider, streams.session(claims.sid), { kind: 'end' }, context);
  }
}
