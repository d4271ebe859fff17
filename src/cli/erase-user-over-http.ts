import { z } from 'zod';
import { type UserId, userIdSchema } from '../events/ids.js';
import { postAsOperator, refusedRequest } from './operator-request.js';

export type ErasureOutcome =
  | { readonly kind: 'erased'; readonly userId: UserId }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string };

const erasureTimeoutMs = 30_000;
const erasedSchema = z.object({ userId: userIdSchema });
const refusedSchema = z.object({
  code: z.enum(['user-unknown', 'account-in-use', 'busy']),
  detail: z.string(),
});

/**
 * Asks a running server to erase a person.
 * @throws {CliFailure} when the server refuses the request itself or can't be reached.
 */
export async function eraseUserOverHttp(
  serverUrl: string,
  adminKey: string,
  input: { readonly user: string; readonly forfeit: boolean },
): Promise<ErasureOutcome> {
  const { status, body } = await postAsOperator(new URL('/v1/admin/erasures', serverUrl), adminKey, {
    type: 'application/json',
    text: JSON.stringify(input),
    timeoutMs: erasureTimeoutMs,
  });
  if (status === 200) return { kind: 'erased', ...erasedSchema.parse(body) };
  const refused = refusedSchema.safeParse(body);
  if (!refused.success) throw refusedRequest(`the server at ${serverUrl}`, status, body);
  return { kind: 'refused', code: refused.data.code, reason: refused.data.detail };
}
