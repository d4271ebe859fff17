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
  readonly goodP95Ms: number;
  readonly goodP99Ms: number;
  readonly refusedPerSecond: number;
  readonly refusedP50Ms: number;
  readonly refusedP99Ms: number;
  /** Of a hundred refusals, how many took no longer than {@link promptMs}. */
  readonly refusedPromptlyPercent: number;
  /** Anything else: lost connections, errors. */
  readonly other: Readonly<Record<string, number>>;
}

interface Tally {
  readonly good: number[];
  readonly refused: number[];
  readonly other: Record<string, number>;
}

/** A refusal is to be told at once, ms. */
export const promptMs = 50;

/** Below what a turn allows: a fan whose turn is used up would be refused for that. */
const holdsPerFan = 45;

/** Every fan with a seat of their own. */
export function playersOf(sale: Sale, fans: readonly ReadyFan[]): Iterator<Player> {
  const players = fans.flatMap((fan, index) => {
    const seatId = sale.seatIds[index];
    return seatId === undefined ? [] : [{ fan, seatId }];
  });
  return players.values();
}

/** A fan and the seat that nobody else wants. */
export interface Player {
  readonly fan: ReadyFan;
  readonly seatId: string;
}

/**
 * Fans hold a seat of their own and release it, again and again, each on a connection until the next one takes over.
 * @param players enough of them: the flood fails when there are no more.
 * @param seconds how long; `signal` ends it sooner.
 * @param perSecond requests that all connections together want to send; unset: each sends the next one at once.
 * @param isPatient whether who is turned away waits as long as the reply says.
 */
export async function flood(
  url: string,
  sale: Pick<Sale, 'scheduleId'>,
  players: Iterator<Player>,
  options: {
    readonly connections: number;
    readonly seconds: number;
    readonly signal?: AbortSignal;
    readonly perSecond?: number;
    readonly isPatient?: boolean;
  },
): Promise<FloodResult> {
  const { connections, perSecond, signal, isPatient = false } = options;
  const tally: Tally = { good: [], refused: [], other: {} };
  const startedAt = performance.now();
  const endsAt = startedAt + options.seconds * 1000;
  const isOver = () => performance.now() >= endsAt || signal?.aborted === true;
  const everyMs = perSecond === undefined ? 0 : (connections * 1000) / perSecond;
  const connection = () => play(url, sale, players, { tally, isOver, endsAt, everyMs, isPatient });
  await Promise.all(Array.from({ length: connections }, connection));
  const seconds = (performance.now() - startedAt) / 1000;
  const all = tally.good.length + tally.refused.length;
  return {
    seconds,
    goodput: tally.good.length / seconds,
    offered: all / seconds,
    goodP50Ms: quantile(tally.good, 0.5),
    goodP95Ms: quantile(tally.good, 0.95),
    goodP99Ms: quantile(tally.good, 0.99),
    refusedPerSecond: tally.refused.length / seconds,
    refusedP50Ms: quantile(tally.refused, 0.5),
    refusedP99Ms: quantile(tally.refused, 0.99),
    refusedPromptlyPercent:
      (100 * tally.refused.filter((tookMs) => tookMs <= promptMs).length) / tally.refused.length,
    other: tally.other,
  };
}

/** How a connection plays. */
interface Course {
  readonly tally: Tally;
  isOver(): boolean;
  readonly endsAt: number;
  /** Between two requests, if the replies come soon enough. */
  readonly everyMs: number;
  readonly isPatient: boolean;
}

async function play(
  url: string,
  sale: Pick<Sale, 'scheduleId'>,
  players: Iterator<Player>,
  { tally, isOver, endsAt, everyMs, isPatient }: Course,
): Promise<void> {
  const client = new RawClient(new URL(url));
  const path = `/v1/schedules/${sale.scheduleId}/holds`;
  let { auth, body } = nextPlayer(players);
  let holds = 0;
  let key = randomUUID();
  let holdId: string | undefined;
  let dueAt = performance.now() + Math.random() * everyMs;
  while (!isOver()) {
    const waitMs = Math.min(dueAt, endsAt) - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (isOver()) break;
    // A fan who was kept waiting does not ask twice at once afterwards.
    dueAt = Math.max(dueAt + everyMs, performance.now());
    const sent: Promise<RawReply> =
      holdId === undefined
        ? client.send(
            'POST',
            path,
            `${auth}Content-Type: application/json\r\nIdempotency-Key: ${key}\r\n`,
            body,
          )
        : client.send('DELETE', `/v1/holds/${holdId}`, auth);
    const reply = await sent.catch(() => undefined);
    if (reply?.status === 503) {
      tally.refused.push(reply.tookMs);
      if (isPatient) dueAt = Math.max(dueAt, performance.now() + reply.retryAfterMs);
    } else if (reply?.status === 201 || reply?.status === 200) {
      tally.good.push(reply.tookMs);
      // Our own API answers a hold with its id.
      holdId = holdId === undefined ? (JSON.parse(reply.body) as { holdId: string }).holdId : undefined;
      key = randomUUID();
      if (holdId === undefined && ++holds === holdsPerFan) {
        ({ auth, body } = nextPlayer(players));
        holds = 0;
      }
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

function nextPlayer(players: Iterator<Player>): { auth: string; body: string } {
  const next = players.next();
  if (next.done) throw new Error('there are no more fans: bring in more with --fans');
  const { fan, seatId } = next.value;
  return {
    auth: `Authorization: Bearer ${fan.accessToken}\r\nX-Queue-Token: ${fan.queueToken}\r\n`,
    body: JSON.stringify({ seatIds: [seatId] }),
  };
}

function quantile(latencies: readonly number[], share: number): number {
  return latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * share)] ?? Number.NaN;
}
