import type { Instant } from '../events/ids.js';
import type { QueueRow, TokenRow } from '../projections/queue.js';
import type { TokenStatus } from './replies.js';

/** A token's status at `now`: a deadline that has passed ended it, whether or not an event says so yet. */
export function statusAt(token: TokenRow, now: Instant): TokenStatus {
  const { status, claim_until, expire_date } = token;
  const lapsed =
    (status === 'admitted' && claim_until !== null && claim_until <= now) ||
    (status === 'entered' && expire_date !== null && expire_date <= now);
  return lapsed ? 'expired' : status;
}

/**
 * Fans before a waiting one. Those who left count until their place is passed, but never more than wait.
 * Before the opening places are not drawn yet: it is then the number of fans who joined earlier.
 */
export function fansAhead(token: TokenRow, queue: QueueRow): number {
  if (token.status !== 'waiting') return 0;
  const others = Math.max(0, queue.waiting - (token.number === null ? 0 : 1));
  const before = token.place === null ? (token.number ?? queue.issued) : token.place - queue.admitted_up_to;
  return Math.min(Math.max(0, before), others);
}

/**
 * Seconds until a fan with `ahead` others before is admitted, if everyone inside stays as long as allowed:
 * first the free room fills at `admitPerSecond`; then each fan inside makes room once per service window.
 * Before the opening the time until `opensAt` is added; null when that is unknown.
 */
export function estimateWaitSeconds(ahead: number, queue: QueueRow, nowMs: number): number | null {
  const { admit_per_second: perSecond, max_active: maxActive, service_window_ms: windowMs } = queue;
  if (perSecond === null || maxActive === null || windowMs === null) return null;
  if (queue.opened === 0 && queue.opens_at === null) return null;
  const untilOpening =
    queue.opened === 1 || queue.opens_at === null
      ? 0
      : Math.max(0, Date.parse(queue.opens_at) - nowMs) / 1000;
  const room = Math.max(0, maxActive - queue.admitted - queue.entered);
  const turnoverPerSecond = Math.min(perSecond, maxActive / (windowMs / 1000));
  const filling = Math.min(ahead + 1, room) / perSecond;
  const turningOver = Math.max(0, ahead + 1 - room) / turnoverPerSecond;
  return Math.ceil(untilOpening + filling + turningOver);
}
