/** The work that is measured, the same for every side. */
import { randomUUID } from 'node:crypto';
import type { TokenSigner } from '../../src/platform/token-signer.js';
import { RawClient, type RawReply } from '../http/raw-client.js';
import { joinBody, json, newFan, type PeerFan } from './fans.js';

/** One side: the office, or a peer. */
export interface Side {
  readonly name: string;
  readonly url: string;
  readonly performanceId: string;
  readonly scheduleId: string;
  readonly seatIds: readonly string[];
  readonly signer: TokenSigner;
  /** Inside; each is used up by its holds. */
  readonly fans: PeerFan[];
}

export interface Load {
  readonly connections: number;
  readonly seconds: number;
}

export interface Measured {
  /** Requests that were answered as they should, a second. */
  readonly perSecond: number;
  /** Of holds, those that got their seats, a second; of reads the same as above. */
  readonly successesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** A few less than a turn of the office allows. */
const holdsPerFan = 45;
/** Seats that all fans want while they compete. */
const wantedSeats = 40;

type Task = (client: RawClient, count: (reply: RawReply) => void) => Promise<void>;

async function drive(side: Side, { connections, seconds }: Load, begin: () => Task): Promise<Measured> {
  const statuses: Record<string, number> = {};
  const times: number[] = [];
  let successes = 0;
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  const count = ({ status, tookMs }: RawReply) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
    times.push(tookMs);
    if (status < 300) successes++;
  };
  const worker = async () => {
    const client = new RawClient(new URL(side.url));
    const task = begin();
    while (performance.now() < endsAt) await task(client, count);
    client.close();
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const elapsed = (performance.now() - startedAt) / 1_000;
  const sorted = Float64Array.from(times).sort();
  const answered = Object.entries(statuses).reduce(
    (sum, [status, n]) => (Number(status) < 500 ? sum + n : sum),
    0,
  );
  return {
    perSecond: answered / elapsed,
    successesPerSecond: successes / elapsed,
    p50Ms: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    statuses,
  };
}

/** Fans one after the other, each for as many holds as a turn allows. */
function fanAfterFan(side: Side): () => PeerFan {
  let fan: PeerFan | undefined;
  let holds = 0;
  return () => {
    if (fan === undefined || holds === holdsPerFan) {
      fan = side.fans.pop();
      holds = 0;
      if (fan === undefined) throw new Error('there are no more fans: bring in more with --fans');
    }
    holds++;
    return fan;
  };
}

function hold(client: RawClient, side: Side, { headers }: PeerFan, seatId: string): Promise<RawReply> {
  const key = `Idempotency-Key: ${randomUUID()}\r\n`;
  const path = `/v1/schedules/${side.scheduleId}/holds`;
  return client.send('POST', path, headers + json + key, JSON.stringify({ seatIds: [seatId] }));
}

/** Each hold has a seat of its own, which is given back afterwards; giving back is not counted. */
export function holdsSpread(side: Side, load: Load): Promise<Measured> {
  let next = 0;
  return drive(side, load, () => {
    const fanOf = fanAfterFan(side);
    return async (client, count) => {
      const fan = fanOf();
      const seatId = side.seatIds[wantedSeats + (next++ % (side.seatIds.length - wantedSeats))] ?? '';
      const reply = await hold(client, side, fan, seatId);
      count(reply);
      await release(client, fan, reply);
    };
  });
}

/** Everybody wants the same few seats. Who gets one gives it back, so that the others still want it. */
export function holdsContended(side: Side, load: Load): Promise<Measured> {
  return drive(side, load, () => {
    const fanOf = fanAfterFan(side);
    return async (client, count) => {
      const fan = fanOf();
      const seatId = side.seatIds[Math.floor(Math.random() * wantedSeats)] ?? '';
      const reply = await hold(client, side, fan, seatId);
      count(reply);
      await release(client, fan, reply);
    };
  });
}

async function release(client: RawClient, { headers }: PeerFan, held: RawReply): Promise<void> {
  if (held.status !== 201) return;
  const { holdId } = JSON.parse(held.body) as { holdId: string }; // both sides answer a hold with its id
  const { status, body } = await client.send('DELETE', `/v1/holds/${holdId}`, headers);
  if (status !== 200) throw new Error(`a hold was not given back: ${status} ${body}`);
}

export function joins(side: Side, load: Load): Promise<Measured> {
  const path = `/v1/performances/${side.performanceId}/queue-token`;
  return drive(side, load, () => async (client, count) => {
    count(await client.send('POST', path, newFan(side.signer).headers + json, joinBody));
  });
}

/** @param path what is read. @param ofFan whether one fan asks, with both tokens. */
export function reads(side: Side, load: Load, path: string, ofFan = false): Promise<Measured> {
  const headers = ofFan ? (side.fans.at(0)?.headers ?? '') : '';
  return drive(side, load, () => async (client, count) => {
    count(await client.send('GET', path, headers));
  });
}
