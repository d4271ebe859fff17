import { randomUUID } from 'node:crypto';
import type { ReadyFan, Sale } from './fans.js';
import { RawClient, type RawReply } from './raw-client.js';

/** What fans who hold and release their seats again and again got for an answer. */
export interface FloodResult {
  readonly seconds: number;
  /** Holds and releases that succeeded, a second. */
  readonly goodput: number;
  readonly offered: number;
  readonly goodP50Ms: number;
  readonly goodP99Ms: number;
  readonly refusedPerSecond: number;
  readonly refusedP50Ms: number;
  readonly refusedP99Ms: number;
  /** Anything else: lost connections, errors. */
  readonly other: Readonly<Record<string, number>>;
}

interface Tally {
  readonly good: number[];
  readonly refused: number[];
  readonly other: Record<string, number>;
}

/**
 * Every fan holds a seat of its own and releases it, one request at a time.
 * @param perSecond requests that the fans together want to send; unset: each sends the next one at once.
 */
export async function flood(
  url: string,
  sale: Sale,
  fans: readonly ReadyFan[],
  options: { readonly seconds: number; readonly perSecond?: number },
): Promise<FloodResult> {
  const tally: Tally = { good: [], refused: [], other: {} };
  const startedAt = performance.now();
  const endsAt = startedAt + options.seconds * 1000;
  const everyMs = options.perSecond === undefined ? 0 : (fans.length * 1000) / options.perSecond;
  await Promise.all(fans.map((fan, index) => play(url, sale, fan, index, { tally, endsAt, everyMs })));
  const seconds = (performance.now() - startedAt) / 1000;
  const all = tally.good.length + tally.refused.length;
  return {
    seconds,
    goodput: tally.good.length / seconds,
    offered: all / seconds,
    goodP50Ms: quantile(tally.good, 0.5),
    goodP99Ms: quantile(tally.good, 0.99),
    refusedPerSecond: tally.refused.length / seconds,
    refusedP50Ms: quantile(tally.refused, 0.5),
    refusedP99Ms: quantile(tally.refused, 0.99),
    other: tally.other,
  };
}

async function play(
  url: string,
  sale: Sale,
  { accessToken, queueToken }: ReadyFan,
  index: number,
  { tally, endsAt, everyMs }: { readonly tally: Tally; readonly endsAt: number; readonly everyMs: number },
): Promise<void> {
  const client = new RawClient(new URL(url));
  const auth = `Authorization: Bearer ${accessToken}\r\nX-Queue-Token: ${queueToken}\r\n`;
  const json = `${auth}Content-Type: application/json\r\n`;
  const path = `/v1/schedules/${sale.scheduleId}/holds`;
  const body = JSON.stringify({ seatIds: [sale.seatIds[index]] });
  let key = randomUUID();
  let holdId: string | undefined;
  let dueAt = performance.now() + Math.random() * everyMs;
  while (performance.now() < endsAt) {
    const waitMs = dueAt - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    // A fan who was kept waiting does not ask twice at once afterwards.
    dueAt = Math.max(dueAt + everyMs, performance.now());
    const sent: Promise<RawReply> =
      holdId === undefined
        ? client.send('POST', path, `${json}Idempotency-Key: ${key}\r\n`, body)
        : client.send('DELETE', `/v1/holds/${holdId}`, auth);
    const reply = await sent.catch(() => undefined);
    if (reply?.status === 503) {
      tally.refused.push(reply.tookMs);
    } else if (reply?.status === 201 || reply?.status === 200) {
      tally.good.push(reply.tookMs);
      // Our own API answers a hold with its id.
      holdId = holdId === undefined ? (JSON.parse(reply.body) as { holdId: string }).holdId : undefined;
      key = randomUUID();
    } else {
      const what = String(reply?.status ?? 'lost');
      tally.other[what] = (tally.other[what] ?? 0) + 1;
      // An unclear outcome is asked again with the same key; a hold that is gone is held anew.
      if (holdId !== undefined && reply) holdId = undefined;
    }
  }
  if (holdId !== undefined) await client.send('DELETE', `/v1/holds/${holdId}`, auth).catch(() => undefined);
  client.close();
}

function quantile(latencies: readonly number[], share: number): number {
  return latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * share)] ?? Number.NaN;
}
