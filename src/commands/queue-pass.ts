import type { PerformanceId, TokenId, UserId } from '../events/ids.js';

/** What a verified queue token says: whose turn it is, at which performance, with which number. */
export interface QueuePass {
  readonly tokenId: TokenId;
  readonly userId: UserId;
  readonly performanceId: PerformanceId;
  readonly number: number;
}
