import type { Terminal } from '../terminal.js';
import { ApiClient, auditSchema, reservationsSchema } from './api-client.js';
import { Doors, gatherFans, pickPerformance, playFans } from './crowd.js';
import type { Account, Fan } from './fan.js';
import type { DemoServer } from './own-server.js';
import { type DemoSummary, Progress, summarise, Tally } from './summary.js';

interface DemoOptions {
  readonly fans: number;
  readonly seed: number;
  readonly performanceId: string | undefined;
}

/**
 * Plays an on-sale on a server through its public API, and checks the outcome.
 * @param signal ends the demo; the summary then covers what happened so far.
 */
export async function playDemo(
  server: Pick<DemoServer, 'url' | 'adminKey'>,
  options: DemoOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<DemoSummary> {
  const tally = new Tally();
  const progress = new Progress(terminal, tally, options.fans);
  const doors = new Doors(options.fans);
  let isLimited = false;
  const onLimited = (seconds: number) => {
    if (isLimited) return;
    isLimited = true;
    progress.note(
      `the server limits registrations: waiting ${seconds} s now and then. For a rush all at once start it with RATE_LIMIT_REGISTRATIONS_PER_MINUTE=0.`,
    );
    doors.open();
  };
  const api = new ApiClient(server.url, { tally, signal, onLimited });
  const performance = await pickPerformance(api, options.performanceId);
  progress.note(
    `${options.fans} fans want to see ${performance.name} (${performance.schedules.length} dates)`,
  );
  const fans = gatherFans(options.fans, options.seed, { api, performance, tally });
  const startedAtMs = Date.now();
  signal.addEventListener('abort', () => doors.open(), { once: true });
  progress.start();
  await playFans(fans, doors, tally, signal);
  progress.stop();
  const seconds = (Date.now() - startedAtMs) / 1000;
  const isInterrupted = signal.aborted;
  const interrupted: AuditVerdict = { kind: 'not asked', why: 'the demo was interrupted' };
  return summarise(tally, {
    isInterrupted,
    server: server.url,
    performance: performance.name,
    fans: options.fans,
    seed: options.seed,
    seconds,
    reservations: isInterrupted ? null : await checkReservations(fans, tally),
    audit: isInterrupted ? interrupted : await askAudit(api, server.adminKey),
  });
}

/** A comparison of all fans' reservations. */
export interface ReservationsVerdict {
  readonly confirmed: number;
  /** Seats and dates that two fans have: must be empty. */
  readonly soldTwice: readonly string[];
}

export type AuditVerdict =
  | { readonly kind: 'clean'; readonly events: number; readonly facts: number }
  | { readonly kind: 'findings'; readonly count: number; readonly first: readonly string[] }
  | { readonly kind: 'not asked'; readonly why: string };

/** Findings quoted in the summary. */
const maxQuoted = 10;

/**
 * Reads every fan's reservations: no two may have the same seat and date, and every paid seat must be among them.
 * Differences are added to the tally as surprises.
 */
export async function checkReservations(fans: readonly Fan[], tally: Tally): Promise<ReservationsVerdict> {
  const owners = new Map<string, string>();
  const soldTwice: string[] = [];
  for (const fan of fans) {
    if (!fan.account.isRegistered) continue;
    const seats = await confirmedSeats(fan.account, fan.lastPosition);
    for (const seat of seats) {
      const other = owners.get(seat);
      if (other !== undefined) soldTwice.push(`${seat}: ${other} and ${fan.account.loginId}`);
      owners.set(seat, fan.account.loginId);
    }
    for (const seat of fan.bought) {
      if (!seats.has(seat))
        tally.surprise(`${fan.account.loginId} paid for ${seat} and has no reservation of it`);
    }
    if (seats.size > fan.bought.size) {
      tally.surprise(`${fan.account.loginId} has ${seats.size} seats and paid for ${fan.bought.size}`);
    }
  }
  return { confirmed: owners.size, soldTwice };
}

/** The server's own audit of its log. */
export async function askAudit(api: ApiClient, adminKey: string | undefined): Promise<AuditVerdict> {
  if (adminKey === undefined) {
    return {
      kind: 'not asked',
      why: 'give --server and --admin-key-file, or run `npx boxoffice audit verify` there',
    };
  }
  const request = { method: 'GET', path: '/v1/admin/audit', mayBeRefused: true } as const;
  const audit = await api.send({ ...request, reply: auditSchema, token: adminKey });
  if (audit.kind === 'refused') return { kind: 'not asked', why: `${audit.status}, ${audit.detail}` };
  const { clean, events, checks, findings, findingCount } = audit.body;
  if (clean) return { kind: 'clean', events, facts: checks.reduce((sum, check) => sum + check.examined, 0) };
  const first = findings.slice(0, maxQuoted).map(({ code, message }) => `${code}: ${message}`);
  return { kind: 'findings', count: findingCount, first };
}

async function confirmedSeats(account: Account, after: number | undefined): Promise<ReadonlySet<string>> {
  const seats = new Set<string>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/v1/reservations?limit=100${page}`;
    const request = { method: 'GET', path, reply: reservationsSchema } as const;
    const reply = await account.send({ ...request, ...(after === undefined ? {} : { after }) });
    if (reply.kind === 'refused') break;
    for (const { scheduleId, seatId, reservationStatus } of reply.body.items) {
      if (reservationStatus === 'confirmed') seats.add(`${scheduleId} ${seatId}`);
    }
    cursor = reply.body.nextCursor;
  }
  return seats;
}
