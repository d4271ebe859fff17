import { CliFailure, exitCodes } from './exit-codes.js';
import { type ImportOutcome, importReplySchema, refusedReplySchema } from './import-outcome.js';

/** An import of a large plan writes many sections; more than this is a server that hangs. */
const importTimeoutMs = 120_000;

/**
 * Sends a feed to a running server.
 * @param query format and options, see toQuery.
 * @throws {CliFailure} when the server refuses the request itself or can't be reached.
 */
export async function importOverHttp(
  serverUrl: string,
  adminKey: string,
  text: string,
  query: URLSearchParams,
): Promise<ImportOutcome> {
  const url = new URL('/v1/admin/imports', serverUrl);
  url.search = query.toString();
  const via = `the server at ${serverUrl}`;
  const { status, body } = await post(url, adminKey, text);
  if (status === 200) return { kind: 'imported', via, ...importReplySchema.parse(body) };
  const refused = refusedReplySchema.safeParse(body);
  if (refused.success) {
    const { problems, moreProblems } = refused.data;
    return { kind: 'refused', via, problems, moreProblems };
  }
  const detail = detailOf(body);
  const advice = status === 401 ? ' Give the key with --admin-key or ADMIN_KEY.' : '';
  throw new CliFailure(
    `${via} answered ${status}: ${detail}${advice}`,
    status < 500 ? exitCodes.unusable : exitCodes.failed,
  );
}

async function post(url: URL, adminKey: string, text: string): Promise<{ status: number; body: unknown }> {
  try {
    const reply = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'text/plain; charset=utf-8' },
      body: text,
      signal: AbortSignal.timeout(importTimeoutMs),
    });
    return { status: reply.status, body: await reply.json() };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliFailure(`${url.origin} did not answer: ${reason}`, exitCodes.failed);
  }
}

function detailOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return 'no reason given';
  const detail = 'detail' in body ? String(body.detail) : 'no reason given';
  return 'errors' in body ? `${detail} ${JSON.stringify(body.errors)}` : detail;
}
