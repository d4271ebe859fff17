import { z } from 'zod';
import {
  type AdmittedPlaces,
  type CheckResult,
  type FairnessCheck,
  type FairnessVerdict,
  judgeQueue,
  type PublishedQueue,
  type QueuedNumber,
} from '../analysis/audit/queue-fairness.js';
import { drawAlgorithmOf, drawAlgorithms, drawnPlaces } from '../domain/shuffle.js';
import { type EventStore, maxReadCount } from '../event-store/port.js';
import { pagesOf } from '../event-store/reading.js';
import {
  type Instant,
  instantSchema,
  type PerformanceId,
  performanceIdSchema,
  type TokenId,
  tokenIdSchema,
} from '../events/ids.js';
import { decodeEvent } from '../events/registry.js';
import { type StreamName, streams } from '../events/streams.js';
import { readConfig } from '../platform/config.js';
import { CliFailure, type DefineCommand, type ExitCode, exitCodes } from './command.js';
import { openLog } from './open-log.js';
import { parseServerUrl } from './running-server.js';
import { type Terminal, textTable } from './terminal.js';

interface Flags {
  readonly token?: string;
  readonly seedHash?: string;
  readonly round?: string;
  readonly server?: string;
  readonly json?: boolean;
}

/** What `boxoffice queue-check` does and takes. */
export const defineQueueCheckCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Recomputes every place of a performance’s queue from what decided it, and checks the seed against the hash ' +
        'published before, who joined, the round of the beacon, and the admissions against the places. Reads the log at EVENTSTORE_URL or in DATA_DIR, or ' +
        'with --server the public API. See docs/fair-queue.md.',
    )
    .argument('<performanceId>', 'the performance')
    .option('--token <tokenId>', 'show this token’s place')
    .option('--seed-hash <hash>', 'the hash that you noted before the opening')
    .option('--round <number>', 'the round of the beacon that you noted before the opening')
    .option('--server <url>', 'check a server through its public API')
    .option('--json', 'print the verdict as JSON')
    .action(async (id: string, flags: Flags) => done(await runQueueCheck(id, flags, terminal)));
};

async function runQueueCheck(id: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const performanceId = performanceIdSchema.safeParse(id).data;
  if (performanceId === undefined) throw new CliFailure(`${id} is not the id of a performance (a UUID)`);
  const { token, seedHash } = flags;
  if (token !== undefined && !z.guid().safeParse(token).success) {
    throw new CliFailure(`--token: ${token} is not the id of a token (a UUID)`);
  }
  if (seedHash !== undefined && !/^[0-9a-f]{64}$/.test(seedHash)) {
    throw new CliFailure('--seed-hash: expected 64 hexadecimal digits');
  }
  const round = flags.round === undefined ? undefined : z.coerce.number().int().min(1).safeParse(flags.round);
  if (round?.success === false) throw new CliFailure('--round: expected the number of a round');
  const queue = await readQueue(performanceId, flags, terminal);
  if (terminal.isInteractive) terminal.err('\n');
  const verdict = judgeQueue(queue, { tokenId: token, seedHash, round: round?.data });
  terminal.out(flags.json ? `${JSON.stringify(verdict, null, 2)}\n` : describeFairness(verdict, token));
  const isTokenMissing = token !== undefined && verdict.token === null;
  return verdict.fair && !isTokenMissing ? exitCodes.ok : exitCodes.failed;
}

async function readQueue(
  performanceId: PerformanceId,
  { server }: Flags,
  terminal: Terminal,
): Promise<PublishedQueue> {
  if (server !== undefined) {
    return queueFromServer(parseServerUrl(server), performanceId, progressOn(terminal, 'numbers', 1));
  }
  const store = await openLog(readConfig(terminal.env), terminal);
  try {
    return await queueFromLog(store, performanceId, progressOn(terminal, 'events', progressStep));
  } finally {
    await store.close();
  }
}

/** Events between two updates of the line that counts them. */
const progressStep = 10_000;

/** Shows a counter on an interactive terminal. */
function progressOn(terminal: Terminal, what: string, step: number): (count: number) => void {
  return (count) => {
    if (terminal.isInteractive && count % step === 0) terminal.err(`\r${count} ${what} read`);
  };
}

/** A turn in the token streams: its recorded entry, and whether it ended before admission. */
interface Turn {
  readonly entered?: { readonly place: number; readonly admittedAt: Instant };
  readonly left?: boolean;
}

/**
 * A queue, read from the log. The admissions state who was admitted and when; a fan's TokenEntered event, if there is
 * one, takes precedence.
 * @param onEvents called after each page with the events read so far.
 * @throws {CliFailure} when the log has no such performance.
 */
export async function queueFromLog(
  store: EventStore,
  performanceId: PerformanceId,
  onEvents: (count: number) => void,
): Promise<PublishedQueue> {
  let seedHash: string | undefined;
  let opening: PublishedQueue['opening'] = null;
  let round: number | null = null;
  const admissions: AdmittedPlaces[] = [];
  const numberOf = new Map<TokenId, number>();
  let read = 0;
  const count = () => onEvents(++read);
  let openedAt: number = Number.POSITIVE_INFINITY;
  let closedRound: number | undefined;
  for await (const { event, position } of eventsOf(store, streams.admission(performanceId))) {
    count();
    if (event.type === 'DrawClosed') closedRound = event.data.beacon.round;
    if (event.type === 'QueueOpened') {
      opening = event.data;
      openedAt = position;
    }
    if (event.type === 'TokensAdmitted') admissions.push(event.data);
  }
  for await (const { event, position } of eventsOf(store, streams.performance(performanceId))) {
    if (event.type !== 'PerformancePublished') continue;
    ({ seedHash } = event.data);
    // A round that was named must be used, unless the draw was closed too late for it.
    if (position < openedAt) round = closedRound ?? event.data.beacon?.round ?? null;
  }
  if (seedHash === undefined) throw new CliFailure(`the log has no performance ${performanceId}`);
  for await (const { event, revision } of eventsOf(store, streams.queue(performanceId))) {
    count();
    // Ignore a duplicate TokenIssued.
    if (event.type !== 'TokenIssued' || numberOf.has(event.data.tokenId)) continue;
    numberOf.set(event.data.tokenId, revision);
  }
  const turns = await turnsOf(store, performanceId, count);
  const places = opening ? drawnPlaces(opening) : new Uint32Array();
  const admittedUpTo = admissions.at(-1)?.to ?? 0;
  const numbers = [...numberOf].map(([tokenId, number]): QueuedNumber => {
    const { entered, left = false } = turns.get(tokenId) ?? {};
    if (entered) return { number, tokenId, state: 'admitted', ...entered };
    const place = places[number] ?? number;
    const admission = opening && !left ? admissionOf(admissions, place) : undefined;
    const state = left ? 'left' : admission ? 'admitted' : 'waiting';
    return { number, tokenId, place: null, state, admittedAt: admission?.admittedAt ?? null };
  });
  return {
    performanceId,
    algorithm: opening ? drawAlgorithmOf(opening) : drawAlgorithms.mixed,
    seedHash,
    opening,
    round,
    admittedAtLeast: admittedUpTo,
    admittedAtMost: admittedUpTo,
    admissions,
    numbers,
  };
}

/** The turns of a performance that were entered or left. */
async function turnsOf(
  store: EventStore,
  performanceId: PerformanceId,
  count: () => void,
): Promise<ReadonlyMap<TokenId, Turn>> {
  const turns = new Map<TokenId, Turn>();
  for await (const page of pagesOf((options) => store.readCategory('token', options))) {
    for (const recorded of page) {
      count();
      const event = decodeEvent(recorded);
      if (!('performanceId' in event.data) || event.data.performanceId !== performanceId) continue;
      if (event.type === 'TokenEntered') {
        const { tokenId, place, admittedAt } = event.data;
        turns.set(tokenId, { entered: { place, admittedAt } });
      }
      const hasLeft =
        event.type === 'TokenLeft' || (event.type === 'TokenExpired' && event.data.reason !== 'claim-lapsed');
      if (hasLeft && !turns.has(event.data.tokenId)) turns.set(event.data.tokenId, { left: true });
    }
  }
  return turns;
}

/** The events of one stream. */
async function* eventsOf(store: EventStore, stream: StreamName) {
  for (let from = 0; ; from += maxReadCount) {
    const page = await store.readStream(stream, { from, limit: maxReadCount });
    for (const recorded of page) {
      const { revision, position } = recorded;
      yield { event: decodeEvent(recorded), revision, position };
    }
    if (page.length < maxReadCount) return;
  }
}

/** The admission of a place (binary search: ranges are in order of places). */
function admissionOf(admissions: readonly AdmittedPlaces[], place: number): AdmittedPlaces | undefined {
  let low = 0;
  let high = admissions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((admissions[middle]?.to ?? 0) <= place) low = middle + 1;
    else high = middle;
  }
  const admission = admissions[low];
  return admission && admission.from <= place ? admission : undefined;
}

/** A page of a thousand numbers takes milliseconds; a server that takes longer hangs. */
const replyTimeoutMs = 30_000;

const count = z.number().int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const fairnessSchema = z.object({
  algorithm: z.string(),
  seedHash: sha256,
  seed: sha256.nullable(),
  shuffledCount: count.max(10_000_000).nullable(),
  // Servers of an older release have none of these.
  tokensDigest: sha256.nullable().default(null),
  beacon: z
    .object({ round: z.number().int().min(1) })
    .nullable()
    .default(null),
  beaconSignature: z
    .string()
    .regex(/^[0-9a-f]{96}$/)
    .nullable()
    .default(null),
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
 * Reads everything that a server has published about a queue.
 * @param onNumbers called after each page with the numbers read so far.
 * @throws {CliFailure} when the server does not answer, or not with a queue.
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
  // The queue goes on while it is read: the true state is between the two replies.
  const after = await get(new URL(`${path}/fairness`, serverUrl), fairnessSchema);
  if (before.seed === null && after.seed !== null)
    return queueFromServer(serverUrl, performanceId, onNumbers);
  const { seed, shuffledCount, tokensDigest, beaconSignature, algorithm, seedHash } = after;
  const round = after.beacon?.round ?? null;
  const beacon =
    round === null || beaconSignature === null ? undefined : { round, signature: beaconSignature };
  return {
    performanceId,
    algorithm,
    seedHash,
    opening:
      seed === null
        ? null
        : { seed, shuffledCount: shuffledCount ?? 0, tokensDigest: tokensDigest ?? undefined, beacon },
    round,
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
  const detail = z.object({ detail: z.string() }).safeParse(body).data?.detail ?? 'the reply is not a queue';
  throw new CliFailure(
    `${url.href} answered ${reply.status}: ${detail}`,
    reply.status < 500 ? exitCodes.unusable : exitCodes.failed,
  );
}

/** What holds when a check finds nothing. */
const meanings: Record<FairnessCheck, string> = {
  algorithm: 'the places come from the published algorithm',
  'hash-kept': 'the hash is the one noted before the opening',
  'round-kept': 'the round of the beacon is the one noted before the opening',
  seed: 'the revealed seed has the hash published before the opening',
  joined: 'the digest mixed in is that of the tokens that joined before',
  beacon: 'the signature mixed in is the public beacon’s of the named round',
  numbers: 'numbers were given in order, each to one token',
  places: 'every stated place is the one that the draw gives',
  ranges: 'each admission takes the next places in order',
  order: 'nobody was admitted before a smaller place or passed over',
};

/** A queue's verdict for people to read. */
export function describeFairness(verdict: FairnessVerdict, askedToken: string | undefined): string {
  const rows = verdict.checks.map((result) => [
    stateOf(result),
    String(result.examined),
    result.check,
    meanings[result.check],
  ]);
  const mismatches = verdict.checks.flatMap(({ check, first, mismatches: all }) => [
    ...first.map((words) => `  ${check}: ${words}`),
    ...(all > first.length ? [`  ${check}: … and ${all - first.length} more`] : []),
  ]);
  return [
    textTable(['', 'FACTS', 'CHECK', 'WHAT HOLDS'], rows),
    `published hash  ${verdict.seedHash}`,
    `revealed seed   ${verdict.seed ?? 'not yet: the queue has not opened'}`,
    ...(verdict.tokensDigest === null ? [] : [`who joined      ${verdict.tokensDigest}`]),
    ...(verdict.round === null ? [] : [`beacon          drand quicknet, round ${verdict.round}`]),
    ...describeService(verdict),
    ...(askedToken === undefined ? [] : [describeToken(verdict, askedToken)]),
    ...(verdict.fair ? [] : ['What does not match:', ...mismatches]),
    conclusionOf(verdict),
    '',
  ].join('\n');
}

function stateOf({ mismatches, examined }: CheckResult): string {
  if (mismatches > 0) return 'WRONG';
  return examined > 0 ? 'ok' : '-';
}

function describeService({
  opened,
  fans,
  shuffledCount,
  admittedUpTo,
  admissions,
}: FairnessVerdict): string[] {
  if (!opened) return [`${fans} have joined; the shuffle will be drawn when the queue opens.`];
  const last = admissions.last.at(-1);
  const served = last
    ? `Places 0 to ${admittedUpTo - 1} were admitted in ${admissions.count} admissions, the last at ${last.admittedAt}.`
    : 'Nobody was admitted yet.';
  return [
    `${fans} joined: ${shuffledCount} numbers given before the opening were shuffled; later numbers keep their order.`,
    served,
  ];
}

function describeToken({ token, shuffledCount }: FairnessVerdict, asked: string): string {
  if (!token) return `Token ${asked} is not in this queue.`;
  const { number, recomputedPlace, state, admittedAt } = token;
  if (recomputedPlace === null) return `Token ${asked}: number ${number}; its place is drawn at the opening.`;
  const reason = number < shuffledCount ? `the draw shuffles number ${number} to` : `number ${number} keeps`;
  const fate = {
    waiting: 'it is still waiting',
    left: 'it left before its admission',
    admitted: `it was admitted at ${admittedAt}`,
  }[state];
  return `Token ${asked}: ${reason} place ${recomputedPlace}, ${recomputedPlace} places before it; ${fate}.`;
}

function conclusionOf({ fair, opened }: FairnessVerdict): string {
  if (!fair) return 'This queue does NOT match what was published.';
  return opened
    ? 'The queue was served in exactly this order.'
    : 'Nothing contradicts the rules so far. Note the hash and check again after the opening with --seed-hash.';
}
