import { createHmac } from 'node:crypto';
import type { PerformanceId } from '../events/ids.js';

/**
 * The seed that shuffles a performance's early fans: it derives from the server's secret, so every process
 * knows it, nobody else does before it is revealed, and there is nothing to store.
 */
export function queueSeed(secret: string, performanceId: PerformanceId): string {
  return createHmac('sha256', secret).update(`queue seed ${performanceId}`).digest('hex');
}
