/** Something did not come in time. */
export class Late extends Error {}

/**
 * The value of a promise, if it comes in time; what comes later is ignored.
 * @throws {Late} naming `what` after `timeoutMs`.
 */
export async function within<T>(timeoutMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Late(`${what} took more than ${Math.round(timeoutMs)} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
