import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { tokenDecider } from '../domain/token/token.js';
import { streams } from '../events/streams.js';
import type { SignedToken } from '../platform/token-signer.js';
import { TokenSigner } from '../platform/token-signer.js';
import { Executor } from './execute.js';
import { SETTINGS, type Settings } from './ports.js';
import type { QueuePass } from './queue-pass.js';
import { refuse } from './rejected.js';

/** Signs a queue token anew before it runs out; the place stays. */
export class RefreshToken extends Command<SignedToken> {
  constructor(readonly pass: QueuePass) {
    super();
  }
}

@CommandHandler(RefreshToken)
export class RefreshTokenHandler implements ICommandHandler<RefreshToken> {
  constructor(
    private readonly executor: Executor,
    private readonly signer: TokenSigner,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** @throws {Rejected} token-ended, token-unknown */
  async execute({ pass }: RefreshToken): Promise<SignedToken> {
    const { state } = await this.executor.load(tokenDecider, streams.token(pass.tokenId));
    if (state.kind === 'none') throw refuse('token-unknown', 'Join the queue of this performance first.');
    if (state.kind === 'ended') throw refuse('token-ended', 'Your turn has ended: join the queue again.');
    const claims = { sub: pass.userId, tid: pass.tokenId, pid: pass.performanceId, num: pass.number };
    return this.signer.queue.sign(claims, this.settings.queueTokenTtlMs);
  }
}
