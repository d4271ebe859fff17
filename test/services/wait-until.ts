import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';

const usualPauseMs = 20;
/** Just less than a test may take (jest.config.mjs): a wait that is never over names itself. */
const usualLimitMs = 280_000;

/** How to wait. */
export interface WaitOptions {
  /** Pause between two looks, ms. */
  readonly everyMs?: number;
  /** Longest wait, ms: for tests with another time limit than the usual one. */
  readonly limitMs?: number;
}

/**
 * Waits for a condition that another part of the system brings about. How long that takes decides nothing.
 * @throws what the condition throws; an error when it is still false just before the test's time limit.
 */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  options: WaitOptions = {},
): Promise<void> {
  const { everyMs = usualPauseMs, limitMs = usualLimitMs } = options;
  const startedAtMs = performance.now();
  for (let look = 0; !(await condition()); look++) {
    if (performance.now() - startedAtMs > limitMs) throw new Error(`still not so after ${limitMs} ms`);
    // What takes a few turns of the event loop is not worth a pause.
    if (look < 10) await nextTurn();
    else await delay(everyMs);
  }
}

/**
 * Runs a test of what a time limit of the product must not disturb: again with longer ones while it fails, since a slow
 * machine needs more. @throws what it throws with the longest one.
 */
export async function withTimeEnough(
  test: (limitMs: number) => Promise<void>,
  [limitMs = 0, ...longer]: readonly number[] = [2_000, 8_000, 32_000],
): Promise<void> {
  try {
    await test(limitMs);
  } catch (error) {
    if (longer.length === 0) throw error;
    await withTimeEnough(test, longer);
  }
}

/**
 * As {@link eventually}, for a condition that throws while it is not met, such as one that asks a server which is about to start.
 * @throws naming `what` and the last error.
 */
export async function waitUntil(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  options: WaitOptions = {},
): Promise<void> {
  let lastError: unknown;
  const isTrueWithoutError = async () => {
    try {
      return await isTrue();
    } catch (error) {
      lastError = error;
      return false;
    }
  };
  await eventually(isTrueWithoutError, options).catch((error: Error) => {
    throw new Error(`${what}: ${error.message}`, { cause: lastError });
  });
}
