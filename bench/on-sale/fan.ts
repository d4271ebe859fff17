import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { TokenSigner } from '../../src/platform/token-signer.js';
import type { SeatPlanReply } from '../../src/queries/replies/catalog.js';
import type { Answer, Connections } from './connections.js';
import { LivePlace } from './live-place.js';
import { sessionIdOf, userIdOf } from './registered-fans.js';
import { SeatChoice } from './seat-choice.js';
import { type Story, seatsPerFan } from './story.js';
import type { Step, Tally } from './tally.js';

/** Fans by how far they have come. */
export interface Progress {
  joined: number;
  /** The moment of the last of them, ms since 1970. */
  lastJoinAtMs: number;
  entered: number;
  /** Seats paid for. */
  sold: number;
  /** Fans who learned that nothing is left, or that the sale has ended. */
  toldSoldOut: number;
  /** Fans who came too late to their turn, or whose place ended. */
  lost: number;
  /** The moment of the last payment, ms since 1970. */
  soldOutAtMs: number;
  /** After it, when each fan was told, ms. */
  readonly toldAfterMs: number[];
}

/** What all fans share. */
export interface World {
  readonly story: Story;
  /** Of fans who join and wait. */
  readonly waiting: Connections;
  /** Of fans inside: their requests do not stand behind those of the many who wait. */
  readonly inside: Connections;
  readonly signer: TokenSigner;
  readonly tally: Tally;
  readonly progress: Progress;
  /** By revision. */
  readonly plans: Map<string, SeatChoice>;
}

/** A refusal that the fan can go on with. */
interface Refusal {
  readonly code: string;
}
type Outcome<Reply> = { readonly reply: Reply; readonly answer: Answer } | Refusal;

type Turn = 'admitted' | 'sold-out' | 'lost';

/** Refusals of an on-sale that say what the fan can do. */
const toldRefusals: ReadonlySet<string> = new Set([
  'seat-held',
  'seat-reserved',
  'no-seats-available',
  'sold-out',
  'not-on-sale',
  'queue-full',
  'token-waiting',
  'token-ended',
  'plan-changed',
]);
/** As long as a fan's access token is used: it is valid for fifteen minutes. */
const accessTokenMs = 600_000;
const accessTtlMs = 900_000;
const shortestPollMs = 1_000;
/** Pause of a fan inside who sees no free seat, or lost one. */
const lookAgainMs = 1_000;
/** Who lost a seat chooses the next one in this share of the time. */
const secondThought = 0.25;

const problemSchema = z.object({ code: z.string() });
const placeSchema = z.object({
  status: z.enum(['waiting', 'admitted', 'entered', 'completed', 'expired', 'left']),
  sale: z.string().nullable(),
  opened: z.boolean(),
  estimatedWaitSeconds: z.number().nullable(),
});
const queueSchema = z.object({ sale: z.string().nullable() });
type Place = z.infer<typeof placeSchema>;
const joinedSchema = placeSchema.extend({ queueToken: z.string(), position: z.number().nullable() });
const statusSchema = z.object({ plan: z.string(), seatCount: z.number(), statuses: z.string() });
const anything = z.unknown();

/** One fan, from joining to two seats, or to the news that none is left. */
export class Fan {
  readonly #date: string;
  readonly #show: string;
  #accessToken = '';
  #signedAtMs = 0;
  #queueToken: string | undefined;
  /** Log position of the joining, until the place has been read. */
  #joinedAt: number | null = null;
  #hasPlan = false;
  #doing = 'joins';

  constructor(
    private readonly world: World,
    private readonly index: number,
  ) {
    this.#date = `/v1/schedules/${world.story.scheduleId}`;
    this.#show = `/v1/performances/${world.story.performanceId}`;
  }

  /** For people who look for fans that are late. */
  get doing(): string {
    return this.#doing;
  }

  async live(): Promise<void> {
    const { progress, story } = this.world;
    const joined = await this.#ask('join', joinedSchema, 'POST', `${this.#show}/queue-token`, {
      body: { numberOfTickets: seatsPerFan },
    });
    if ('code' in joined) return this.#turnedAway(joined.code);
    this.#queueToken = joined.reply.queueToken;
    this.#joinedAt = joined.reply.position;
    progress.joined++;
    progress.lastJoinAtMs = Date.now();
    const hasStream = this.index < story.streams;
    if (!hasStream) await delay(this.#pauseMs(joined.answer, joined.reply));
    for (;;) {
      this.#doing = hasStream ? 'waits on a live stream' : 'waits and polls';
      const turn = hasStream ? await this.#watch() : await this.#poll();
      if (turn === 'sold-out') return this.#told();
      if (turn === 'lost') {
        progress.lost++;
        return;
      }
      this.#doing = 'enters';
      const entered = await this.#ask('enter', anything, 'POST', `${this.#show}/queue-token/enter`);
      if (!('code' in entered)) break;
      if (entered.code !== 'token-waiting') return this.#turnedAway(entered.code);
    }
    progress.entered++;
    await this.#buy();
  }

  #told(): void {
    const { progress } = this.world;
    progress.toldSoldOut++;
    if (progress.soldOutAtMs > 0) progress.toldAfterMs.push(Date.now() - progress.soldOutAtMs);
  }

  #turnedAway(code: string): void {
    if (code === 'sold-out' || code === 'not-on-sale') this.#told();
    else this.world.progress.lost++;
  }

  async #buy(): Promise<void> {
    const { story, progress } = this.world;
    for (let tries = 0; ; tries++) {
      this.#doing = 'chooses seats';
      const seats = await this.#chooseSeats(tries === 0 ? 1 : secondThought);
      if (seats === undefined) return;
      this.#doing = 'holds seats';
      const held = await this.#ask('hold', anything, 'POST', `${this.#date}/holds`, {
        body: { seatIds: seats },
        key: randomUUID(),
      });
      if ('code' in held) {
        if (held.code === 'token-ended') return this.#turnedAway(held.code);
        continue;
      }
      this.#doing = 'pays';
      await this.#think(1);
      const paid = await this.#ask('pay', anything, 'POST', '/v1/orders', { body: {}, key: randomUUID() });
      if ('code' in paid) return this.#turnedAway(paid.code);
      progress.sold += seats.length;
      if (progress.sold === story.seats) progress.soldOutAtMs = Date.now();
      return;
    }
  }

  /** Looks at the seats until two are free. @returns undefined: all are sold, and the fan has left. */
  async #chooseSeats(thought: number): Promise<readonly string[] | undefined> {
    const { progress, plans } = this.world;
    for (;;) {
      const status = await this.#ask('status', statusSchema, 'GET', `${this.#date}/seats/status`);
      if ('code' in status) {
        progress.lost++;
        return undefined;
      }
      const { plan, statuses } = status.reply;
      if (!this.#hasPlan) await this.#loadPlan(plan);
      await this.#think(thought);
      const choice = plans.get(plan);
      const shown = choice?.choose(statuses) ?? [];
      if (shown.length > 0) return shown;
      if (choice?.isSoldOut(statuses)) {
        await this.#ask('leave', anything, 'DELETE', `${this.#show}/queue-token`);
        this.#told();
        return undefined;
      }
      await delay(lookAgainMs);
    }
  }

  /** As a browser with an empty cache: compressed, once. Only the first fan's copy is read. */
  async #loadPlan(revision: string): Promise<void> {
    const { plans } = this.world;
    const path = `${this.#date}/plans/${revision}`;
    const loaded = await this.#ask('plan', anything, 'GET', path, { isCompressed: plans.has(revision) });
    if ('code' in loaded) return;
    this.#hasPlan = true;
    if (plans.has(revision)) return;
    // Our own API's reply, which its tests check.
    plans.set(revision, new SeatChoice(loaded.reply as SeatPlanReply));
  }

  /** Between half and one and a half of the mean. @param share of the mean. */
  async #think(share: number): Promise<void> {
    await delay(this.world.story.thinkSeconds * share * 1_000 * (0.5 + Math.random()));
  }

  async #poll(): Promise<Turn> {
    for (;;) {
      const asked = await this.#ask('place', placeSchema, 'GET', `${this.#show}/queue-token`);
      if ('code' in asked) return 'lost';
      this.#joinedAt = null;
      const turn = turnOf(asked.reply);
      if (turn !== undefined) return turn;
      await delay(this.#pauseMs(asked.answer, asked.reply));
    }
  }

  /**
   * As the reply says: Retry-After, or how long it may be used. Otherwise half of the estimated wait, so that the fan asks
   * more often as the turn comes closer.
   */
  #pauseMs({ head, retryAfterMs }: Answer, place: Place): number {
    if (retryAfterMs > 0) return retryAfterMs;
    const maxAge = Number(/cache-control:[^\r]*?\bmax-age=(\d+)/i.exec(head)?.[1] ?? 0);
    if (maxAge > 0) return maxAge * 1_000;
    const longestMs = this.world.story.pollSeconds * 1_000;
    const { estimatedWaitSeconds: wait } = place;
    const halfMs = wait === null ? longestMs / 2 : wait * 500;
    // Fans who were told the same do not come back together.
    return Math.max(shortestPollMs, Math.min(halfMs, longestMs)) * (0.8 + 0.4 * Math.random());
  }

  async #watch(): Promise<Turn> {
    const { story, tally } = this.world;
    const url = new URL(story.url);
    for (;;) {
      const startedAt = performance.now();
      let isFirst = true;
      const outcome = await new Promise<Turn | { readonly head: string }>((resolve) => {
        const stream = new LivePlace(
          url,
          `${this.#show}/queue-token/events`,
          `X-Queue-Token: ${this.#queueToken}\r\n`,
          (event, data) => {
            if (isFirst) tally.took('stream', performance.now() - startedAt);
            isFirst = false;
            const turn =
              event === 'position' ? turnOf(placeSchema.parse(data)) : newsOf(queueSchema.parse(data));
            if (turn === undefined) return;
            stream.close();
            resolve(turn);
          },
          (head) => resolve({ head }),
        );
      });
      if (typeof outcome === 'string') return outcome;
      const status = outcome.head.slice(9, 12);
      if (status === '503') tally.refused('stream', 'unavailable');
      else tally.failed('stream', status === '200' ? 'ended' : `status ${status || 'none'}`);
      await delay(lookAgainMs * (1 + Math.random()));
    }
  }

  /** Asks until there is an answer: what says when to come back is asked again then, with the same key. */
  async #ask<Reply>(
    step: Step,
    schema: z.ZodType<Reply>,
    method: string,
    path: string,
    {
      body,
      key,
      isCompressed = false,
    }: { readonly body?: object; readonly key?: string; readonly isCompressed?: boolean } = {},
  ): Promise<Outcome<Reply>> {
    const { waiting, inside, tally } = this.world;
    const connections = step === 'join' || step === 'place' ? waiting : inside;
    for (;;) {
      let answer: Answer;
      try {
        const text = body === undefined ? undefined : JSON.stringify(body);
        answer = await connections.send(method, path, this.#headers(step, text, key, isCompressed), text);
      } catch {
        tally.failed(step, 'connection lost');
        await delay(lookAgainMs);
        continue;
      }
      if (answer.status < 300) {
        tally.took(step, answer.waitedMs);
        return { reply: schema.parse(isCompressed ? undefined : parsed(answer.body)), answer };
      }
      const code = problemSchema.safeParse(parsed(answer.body)).data?.code ?? 'no problem document';
      if ((answer.status === 503 || answer.status === 429) && answer.retryAfterMs > 0) {
        tally.refused(step, code);
        await delay(answer.retryAfterMs);
        continue;
      }
      if (answer.status < 500 && toldRefusals.has(code)) tally.refused(step, code);
      else tally.failed(step, `${answer.status} ${code}`);
      return { code };
    }
  }

  #headers(step: Step, body: string | undefined, key: string | undefined, isCompressed: boolean): string {
    const lines = [`Authorization: Bearer ${this.#access()}`];
    if (this.#queueToken !== undefined) lines.push(`X-Queue-Token: ${this.#queueToken}`);
    if (body !== undefined) lines.push('Content-Type: application/json');
    if (key !== undefined) lines.push(`Idempotency-Key: ${key}`);
    // Read models may be behind the joining.
    if (step === 'place' && this.#joinedAt !== null) lines.push(`X-Wait-For-Position: ${this.#joinedAt}`);
    if (isCompressed) lines.push('Accept-Encoding: br');
    return lines.map((line) => `${line}\r\n`).join('');
  }

  /** Signed here: 200,000 log-ins are not what is measured. */
  #access(): string {
    const nowMs = Date.now();
    if (nowMs - this.#signedAtMs > accessTokenMs) {
      const claims = { sub: userIdOf(this.index), sid: sessionIdOf(this.index) };
      this.#accessToken = this.world.signer.access.sign(claims, accessTtlMs).value;
      this.#signedAtMs = nowMs;
    }
    return this.#accessToken;
  }
}

function turnOf({ status, sale }: Place): Turn | undefined {
  if (status === 'admitted' || status === 'entered') return 'admitted';
  return status === 'waiting' ? newsOf({ sale }) : 'lost';
}

/** What the message for all fans of a queue means to one who waits. */
function newsOf({ sale }: z.infer<typeof queueSchema>): Turn | undefined {
  return sale === 'sold-out' || sale === 'ended' ? 'sold-out' : undefined;
}

/** Bodies come as Latin-1 characters; what is read of them is ASCII. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
