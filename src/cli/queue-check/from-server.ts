import { z } from 'zod';
import type { PublishedQueue, QueuedNumber } from '../../analysis/audit/queue-fairness.js';
import { instantSchema, type PerformanceId, tokenIdSchema } from '../../events/ids.js';
import { CliFailure, exitCodes } from '../exit-codes.js';

/** A page of a thousand numbers takes milliseconds; more than this is a server that hangs. */
const replyTimeoutMs = 30_000;

const count = z.number().int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const fairnessSchema = z.object({
  algorithm: z.string(),
  seedHash: sha256,
  seed: sha256.nullable(),
  shuffledCount: count.max(10_000_000).nullable(),
  admittedUpTo: count,
});
const numbersSchema = z.object({
  items: z.array(
    z.object({
      number: count,
      tokenId: tokenIdSchema,
      place: count.nullable(),
      state: z.enum(['waiting', 'admitted', 'left']),
      admittedAt: instantSchema.nullable(),
    }),
  ),
  nextCursor: z.string().nullable(),
});

/**
 * Asks a server for everything it has published about a queue.
 * @param onNumbers called after each page with the numbers read so far.
 * @throws {CliFailure} when the server does not answer or answers something else.
 */
export async function queueFromServer(
  serverUrl: string,
  performanceId: PerformanceId,
  onNumbers: (count: number) => void,
): Promise<PublishedQueue> {
  const path = `/v1/performances/${performanceId}/queue`;
  const before = await get(new URL(`${path}/fairness`, serverUrl), fairnessSchema);
  const numbers: QueuedNumber[] = [];
  let cursor: string | null = null;
  do {
    const url = new URL(`${path}/numbers`, serverUrl);
    if (cursor !== null) url.searchParams.set('cursor', cursor);
    const page: z.infer<typeof numbersSchema> = await get(url, numbersSchema);
    for (const number of page.items) numbers.push(number);
    onNumbers(numbers.length);
    cursor = page.nextCursor;
  } while (cursor !== null);
  // The queue goes on while it is read: what holds of it lies between the two answers.
  const after = await get(new URL(`${path}/fairness`, serverUrl), fairnessSchema);
  if (before.seed === null && after.seed !== null)
    return queueFromServer(serverUrl, performanceId, onNumbers);
  const { seed, shuffledCount, algorithm, seedHash } = after;
  return {
    performanceId,
    algorithm,
    seedHash,
    opening: seed === null ? null : { seed, shuffledCount: shuffledCount ?? 0 },
    admittedAtLeast: before.admittedUpTo,
    admittedAtMost: after.admittedUpTo,
    numbers,
  };
}

async function get<Reply>(url: URL, schema: z.ZodType<Reply>): Promise<Reply> {
  const reply = await fetch(url, { signal: AbortSignal.timeout(replyTimeoutMs) }).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliFailure(`${url.origin} did not answer: ${reason}`, exitCodes.failed);
  });
  const body: unknown = await reply.json().catch(() => undefined);
  const parsed = schema.safeParse(body);
  if (reply.ok && parsed.success) return parsed.data;
  const detail =
    z.object({ detail: z.string() }).safeParse(body).data?.detail ?? 'something else than a queue';
  throw new CliFailure(
    `${url.href} answered ${reply.status}: ${detail}`,
    reply.status < 500 ? exitCodes.unusable : exitCodes.failed,
  );
}
