import type { TokenId } from '../events/ids.js';
import { emptyQueue, type QueueRow, type TokenRow } from '../projections/queue.js';
import type { QueryContext } from './context.js';
import { estimateWaitSeconds, fansAhead, statusAt } from './queue-status.js';
import type { QueueTokenReply } from './replies.js';
import { selectFirst } from './select.js';

/** A fan's turn in a queue; null when unknown. */
export async function getQueueToken(
  { db, clock }: QueryContext,
  tokenId: TokenId,
): Promise<QueueTokenReply | null> {
  const token = await selectFirst<TokenRow>(db, 'SELECT * FROM tokens WHERE token_id = ?', [tokenId]);
  if (!token) return null;
  const performanceId = token.performance_id;
  const now = clock.now();
  const queue =
    (await selectFirst<QueueRow>(db, 'SELECT * FROM queues WHERE performance_id = ?', [performanceId])) ??
    emptyQueue(performanceId, now);
  const status = statusAt(token, now);
  const ahead = fansAhead(token, queue);
  return {
    tokenId: token.token_id,
    performanceId,
    number: token.number,
    place: token.place,
    status,
    opened: queue.opened === 1,
    opensAt: queue.opens_at,
    ahead,
    estimatedWaitSeconds: status === 'waiting' ? estimateWaitSeconds(ahead, queue, clock.nowMs()) : null,
    enterBefore: status === 'admitted' ? token.claim_until : null,
    expiresAt: token.expire_date,
    numberOfTickets: token.number_of_tickets,
  };
}
