/** A promise has not settled in time. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/**
 * The value of a promise, if it settles in time; a later value or error is ignored.
 * @param what is waited for, as the subject of the error message: "`what` took more than … ms".
 * @throws {TimedOut} after `timeoutMs`; or what the promise rejects with.
 */
export async function within<T>(timeoutMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TimedOut(`${what} took more than ${Math.round(timeoutMs)} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
