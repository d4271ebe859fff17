import { CliFailure, exitCodes } from './exit-codes.js';

/**
 * Sends something to a server with the operators' key.
 * @returns whatever it answers, refusals too.
 * @throws {CliFailure} when it can't be reached or does not answer in time.
 */
export async function postAsOperator(
  url: URL,
  adminKey: string,
  body: { readonly type: string; readonly text: string; readonly timeoutMs: number },
): Promise<{ status: number; body: unknown }> {
  try {
    const reply = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': body.type },
      body: body.text,
      signal: AbortSignal.timeout(body.timeoutMs),
    });
    return { status: reply.status, body: await reply.json() };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliFailure(`${url.origin} did not answer: ${reason}`, exitCodes.failed);
  }
}

/** What to tell when the server refused the request itself. */
export function refusedRequest(via: string, status: number, body: unknown): CliFailure {
  const advice = status === 401 ? ' Give the key with --admin-key or ADMIN_KEY.' : '';
  return new CliFailure(
    `${via} answered ${status}: ${detailOf(body)}${advice}`,
    status < 500 ? exitCodes.unusable : exitCodes.failed,
  );
}

function detailOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return 'no reason given';
  const detail = 'detail' in body ? String(body.detail) : 'no reason given';
  return 'errors' in body ? `${detail} ${JSON.stringify(body.errors)}` : detail;
}
