import { type ImportOutcome, importReplySchema, refusedReplySchema } from './import-outcome.js';
import { postAsOperator, refusedRequest } from './operator-request.js';

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
  const { status, body } = await postAsOperator(url, adminKey, {
    type: 'text/plain; charset=utf-8',
    text,
    timeoutMs: importTimeoutMs,
  });
  if (status === 200) return { kind: 'imported', via, ...importReplySchema.parse(body) };
  const refused = refusedReplySchema.safeParse(body);
  if (refused.success) {
    const { problems, moreProblems } = refused.data;
    return { kind: 'refused', via, problems, moreProblems };
  }
  throw refusedRequest(via, status, body);
}
