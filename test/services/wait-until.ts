import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 20;

/**
 * Waits until `isTrue` answers true; an error it throws counts as not yet.
 * @param timeoutMs how long to wait at most.
 * @throws naming `what` and the last error when the time is over.
 */
export async function waitUntil(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      if (await isTrue()) return;
    } catch (error) {
      lastError = error;
    }
    await delay(pollMs);
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: lastError });
}
