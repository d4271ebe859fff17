import { Inject, Injectable } from '@nestjs/common';
import type { IssuedToken } from '../commands/queue/issue-token.js';
import type { QueuePass } from '../commands/queue/queue-admission.js';
import { refuse } from '../domain/rejection.js';
import type { Position } from '../event-store/port.js';
import type { UserId } from '../events/ids.js';
import type { QueueTokenReply } from '../queries/replies.js';
import { API_SETTINGS, type ApiSettings } from './api-settings.js';
import { ApiProblem, retryAfter } from './problem.js';
import { READ_POSITION, type ReadPosition } from './read-position.js';
import { READS, type Reads } from './reads.js';

/** Where a fan stands, as the read models know it once they know what the fan just did. */
@Injectable()
export class QueueStatus {
  constructor(
    @Inject(READS) private readonly reads: Reads,
    @Inject(READ_POSITION) private readonly position: ReadPosition,
    @Inject(API_SETTINGS) private readonly settings: Pick<ApiSettings, 'waitForPositionTimeoutMs'>,
  ) {}

  /** @throws {Rejected} token-unknown */
  async of(pass: QueuePass): Promise<QueueTokenReply> {
    const status = await this.reads.queueToken(pass);
    if (!status) throw refuse('token-unknown', 'Join the queue of this performance first.');
    return status;
  }

  /** After entering, which may be repeated freely. @throws {ApiProblem} read-model-behind */
  async after(pass: QueuePass, position: Position | undefined): Promise<QueueTokenReply> {
    await this.#catchUp(position);
    const status = await this.reads.queueToken(pass);
    if (status) return status;
    throw new ApiProblem('read-model-behind', 'Your place is not readable yet: repeat the request.', {
      headers: retryAfter(1),
    });
  }

  /** Of a token just issued. A crowd that joins at once must not fail for want of details: those come later. */
  async ofIssued(issued: IssuedToken, userId: UserId, numberOfTickets: number): Promise<QueueTokenReply> {
    await this.#catchUp(issued.position);
    const { tokenId, performanceId, number } = issued;
    const status = await this.reads.queueToken({ tokenId, userId, performanceId });
    if (status?.number === number) return status;
    const queue = await this.reads.queue(performanceId);
    return {
      tokenId,
      performanceId,
      number,
      place: null,
      status: 'waiting',
      opened: queue?.opened ?? false,
      opensAt: queue?.opensAt ?? null,
      ahead: Math.max(0, number - (queue?.admittedUpTo ?? 0)),
      estimatedWaitSeconds: null,
      enterBefore: null,
      expiresAt: null,
      numberOfTickets,
    };
  }

  async #catchUp(position: Position | undefined): Promise<void> {
    if (position === undefined || position <= this.position.current()) return;
    await this.position.waitFor(position, this.settings.waitForPositionTimeoutMs);
  }
}
