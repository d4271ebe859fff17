import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type AuditProgress, auditLog } from '../../analysis/audit/auditor.js';
import {
  type AuditReport,
  type CheckResult,
  defaultAuditOptions,
  type Finding,
} from '../../analysis/audit/checks.js';
import {
  auditPayments,
  ChargeBook,
  type LedgerPayment,
  type PaymentReport,
} from '../../analysis/audit/payments.js';
import { dataFiles } from '../../app/engines.js';
import type { EventStore } from '../../event-store/port.js';
import { pagesOf } from '../../event-store/reading.js';
import { type Instant, instantSchema } from '../../events/ids.js';
import { readLedgerFile, readLedgerOverHttp } from '../../integrations/payment/read-ledger.js';
import { systemClock } from '../../platform/clock.js';
import { type Config, readConfig } from '../../platform/config.js';
import { resolveSecrets } from '../../platform/secrets.js';
import { compareReadModels } from '../../projections/compare/compare-read-models.js';
import type { ReadModelComparison, WrongRow } from '../../projections/compare/compare-tables.js';
import type { ReadModelLocation } from '../../projections/open-read-models.js';
import { type BoardComparison, boardComparisonsReply } from '../../queries/replies/boards.js';
import { CliFailure, type ExitCode, exitCodes } from '../command.js';
import { openLog, openRevealedLog } from '../open-log.js';
import {
  addKeyOptions,
  askAsOperator,
  type KeyFlags,
  parseServerUrl,
  refusedRequest,
  requireAdminKey,
} from '../running-server.js';
import { stopOnSignal, type Terminal, textTable } from '../terminal.js';

interface Flags extends KeyFlags {
  readonly json?: boolean;
  readonly asOf?: string;
  readonly logOnly?: boolean;
  readonly skipReadModels?: boolean;
  readonly skipPayments?: boolean;
  readonly server?: string;
}

const notAsked = { skipped: 'not asked for' };

/** Adds `audit verify`. */
export function addVerifyCommand(audit: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const command = audit
    .command('verify')
    .summary('check all rules at every event, the read models and the payments')
    .description(
      'Reads the whole log, with or without a running server, and checks all rules of the office at every event: seats, ' +
        'holds, orders, points, turns and the queue. Then it compares every row of the read models with the fold of the ' +
        'log, and the payment system’s ledger with the charges of the log. With --server, a running server also compares ' +
        'what it shows from memory with the read models.',
    )
    .option('--json', 'print the report as JSON')
    .option(
      '--as-of <moment>',
      'check deadlines as of this moment, or "now" (default: the last event of the log, since a stopped server ends no holds)',
    )
    .option('--log-only', 'check the log only')
    .option('--skip-read-models', 'do not compare the read models')
    .option('--skip-payments', 'do not compare the payments')
    .option('--server <url>', 'a running server whose memory is compared as well');
  addKeyOptions(command, ' for --server').action(async (flags: Flags) => {
    const now = momentOf(flags.asOf);
    const stop = stopOnSignal();
    try {
      const verification = await verify(flags, now, terminal, stop.signal);
      terminal.out(
        flags.json ? `${JSON.stringify(verification, null, 2)}\n` : describeVerification(verification),
      );
      done(verification.clean ? exitCodes.ok : exitCodes.failed);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      done(exitCodes.interrupted);
    } finally {
      stop.ignore();
    }
  });
}

async function verify(
  { logOnly, skipReadModels, skipPayments, server, ...keys }: Flags,
  now: Instant | undefined,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Verification> {
  const config: Config = readConfig(terminal.env);
  const store = await openLog(config, terminal);
  try {
    const report = await auditLog(store, {
      onProgress: progressOn(terminal),
      signal,
      ...(now === undefined ? {} : { now }),
    });
    const payments =
      logOnly || skipPayments ? notAsked : await verifyPayments(config, store, report.judgedAt);
    const readModels =
      logOnly || skipReadModels ? notAsked : await verifyReadModels(config, terminal, signal);
    const boards = server === undefined ? notAsked : await verifyBoards(server, keys, config, terminal);
    const parts = [report, payments, readModels, boards];
    return {
      ...report,
      clean: parts.every((part) => !('clean' in part) || part.clean),
      payments,
      readModels,
      boards,
    };
  } finally {
    await store.close();
  }
}

function momentOf(text: string | undefined): Instant | undefined {
  if (text === undefined) return undefined;
  if (text === 'now') return systemClock.now();
  const moment = instantSchema.safeParse(text);
  if (moment.success) return moment.data;
  throw new CliFailure(`--as-of: ${text} is neither "now" nor a UTC time such as 2026-11-22T09:00:00.000Z`);
}

/** Shows a counter on an interactive terminal. */
function progressOn(terminal: Terminal): (progress: AuditProgress) => void {
  return ({ events, position, lastPosition }) => {
    if (!terminal.isInteractive) return;
    const isEnd = position >= lastPosition;
    terminal.err(`\r${events} events read${isEnd ? '\n' : ''}`);
  };
}

/**
 * Compares the payment system's ledger with the log.
 * @param now the moment to judge by.
 * @throws {CliFailure} when the ledger cannot be read.
 */
async function verifyPayments(
  config: Config,
  store: EventStore,
  now: Instant,
): Promise<PaymentReport | Skipped> {
  const ledger = ledgerOf(config);
  if ('skipped' in ledger) return ledger;
  const charges = new ChargeBook();
  for await (const page of pagesOf((options) => store.readCategory('charge', options))) {
    for (const event of page) charges.apply(event);
  }
  try {
    return await auditPayments(ledger, charges, { now, settleMs: defaultAuditOptions.settleMs });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`the payments cannot be compared: ${reason} (--skip-payments leaves them out)`);
  }
}

function ledgerOf(config: Config): AsyncIterable<LedgerPayment> | Skipped {
  const { PAYMENT_URL, DATA_DIR } = config;
  if (PAYMENT_URL !== undefined) return readLedgerOverHttp(PAYMENT_URL, resolveSecrets(config).paymentApiKey);
  const file = join(DATA_DIR, dataFiles.payments);
  return existsSync(file) ? readLedgerFile(file) : { skipped: `there is no ledger at ${file}` };
}

/** A part of the verification that was left out, and why. */
interface Skipped {
  readonly skipped: string;
}

/**
 * Compares the read models of this configuration with its log.
 * @throws {CliFailure} when either cannot be read.
 */
async function verifyReadModels(
  config: Config,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<ReadModelComparison | Skipped> {
  const location = locationOf(config);
  if ('skipped' in location) return location;
  const log = await openRevealedLog(config, terminal);
  try {
    return await compareReadModels({
      store: log.store,
      location,
      signal,
      onProgress: ({ events }) => {
        if (terminal.isInteractive) terminal.err(`\r${events} events folded`);
      },
    });
  } catch (error) {
    if (signal.aborted || error instanceof CliFailure) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(
      `the read models cannot be compared: ${reason} (--skip-read-models leaves them out)`,
    );
  } finally {
    if (terminal.isInteractive) terminal.err('\n');
    await log.close();
  }
}

/** The largest boards of a busy server are compared one after the other, each up to four times, ms. */
const boardsTimeoutMs = 300_000;

/** Lets a server compare its memory with the tables. @throws {CliFailure} when it cannot be asked. */
async function verifyBoards(
  server: string,
  keys: KeyFlags,
  config: Config,
  terminal: Terminal,
): Promise<BoardReport> {
  const url = new URL('/v1/admin/boards', parseServerUrl(server));
  const adminKey = requireAdminKey(server, keys, config, terminal);
  const { status, body } = await askAsOperator(url, adminKey, { timeoutMs: boardsTimeoutMs });
  if (status !== 200) throw refusedRequest(`the server at ${server}`, status, body);
  const { items } = boardComparisonsReply.parse(body);
  return { clean: items.every(({ outcome }) => outcome !== 'different'), items };
}

function locationOf({ DATABASE_URL, DATA_DIR }: Config): ReadModelLocation | Skipped {
  if (DATABASE_URL !== undefined) return { url: DATABASE_URL };
  const file = join(DATA_DIR, dataFiles.readModels);
  return existsSync(file) ? { file } : { skipped: `there are no read models at ${file}` };
}

/** The result of `audit verify`; `clean` covers all parts. */
interface Verification extends AuditReport {
  readonly payments: PaymentReport | Skipped;
  readonly readModels: ReadModelComparison | Skipped;
  readonly boards: BoardReport | Skipped;
}

/** What a server said of its memory. */
interface BoardReport {
  readonly clean: boolean;
  readonly items: readonly BoardComparison[];
}

/** Findings written out for each part; more are only counted. */
const maxShown = 50;

/** A verification for people to read. */
function describeVerification(verification: Verification): string {
  const { payments, readModels, boards, clean, events, judgedAt, points, liveHolds, openOrders } =
    verification;
  const parts = [
    checksTable(verification.checks),
    `\n${events} events, checked as of ${judgedAt}\n`,
    `points: ${points.charged} charged = ${points.spent} spent − ${points.refunded} refunded + ${points.balance} in wallets\n`,
    `seats: ${verification.seatsReserved} sold, ${liveHolds.count} on hold; orders: ${verification.ordersPaid} paid, ${openOrders.count} open\n`,
    describeFindings(verification),
    '\n',
    'skipped' in payments ? `Payments: ${payments.skipped}.\n` : describePayments(payments),
    '\n',
    'skipped' in readModels ? `Read models: ${readModels.skipped}.\n` : describeReadModels(readModels),
    'skipped' in boards ? '' : `\n${describeBoards(boards)}`,
    clean ? '\nNothing is wrong.\n' : '',
  ];
  return parts.join('');
}

function checksTable(checks: readonly CheckResult<string>[]): string {
  const rows = checks.map(({ code, examined, findings, meaning }) => [
    findings > 0 ? 'FOUND' : examined > 0 ? 'ok' : '-',
    String(examined),
    findings > 0 ? String(findings) : '',
    code,
    meaning,
  ]);
  return textTable(['', 'FACTS', 'FOUND', 'CHECK', 'WHAT HOLDS'], rows);
}

function describePayments(report: PaymentReport): string {
  const { payments, taken, charged, inFlight, leftToOperators } = report;
  return [
    checksTable(report.checks),
    `\n${payments} payments in the ledger: ${taken} points taken, ${charged} in approved charges, `,
    `${inFlight.amount} in ${inFlight.count} payments in progress, `,
    `${leftToOperators.amount} in ${leftToOperators.count} payments left to operators\n`,
    describeFindings(report),
  ].join('');
}

function describeBoards({ items }: BoardReport): string {
  const how = { same: 'ok', different: 'FOUND', 'in-motion': '-' } as const;
  const rows = items.map(({ kind, id, outcome }) => [how[outcome], kind, id, outcome]);
  const differences = items.flatMap(({ id, differences }) =>
    differences.map((difference) => `  ${id}: ${difference}\n`),
  );
  return [textTable(['', 'IN MEMORY', 'OF', 'BESIDE THE TABLES'], rows), ...differences].join('');
}

function describeReadModels(comparison: ReadModelComparison): string {
  const { projections, tables, differences, differenceCount } = comparison;
  const rows = tables.map((table) => [
    table.differences > 0 ? 'FOUND' : table.rows > 0 ? 'ok' : '-',
    String(table.rows),
    table.differences > 0 ? String(table.differences) : '',
    table.table,
    `rows are the fold of the log at position ${projections.find(({ projection }) => projection === table.projection)?.position}`,
  ]);
  const problems = projections.flatMap(({ projection, problem }) =>
    problem === null ? [] : `  ${projection}: ${problem}\n`,
  );
  const lines = differences.slice(0, maxShown).flatMap(describeRow);
  const more = differenceCount - Math.min(maxShown, differences.length);
  return [
    textTable(['', 'ROWS', 'FOUND', 'TABLE', 'WHAT HOLDS'], rows),
    ...(problems.length > 0 ? ['\nProjections with problems:\n', ...problems] : []),
    ...(differenceCount > 0 ? [`\n${differenceCount} rows differ:\n`, ...lines] : []),
    ...(more > 0 ? [`  … and ${more} more\n`] : []),
  ].join('');
}

function describeRow({ table, key, kind, event, cells }: WrongRow): string[] {
  const row = Object.entries(key)
    .map(([column, value]) => `${column} ${value}`)
    .join(', ');
  const what = { missing: 'is missing', unexpected: 'should not be there', different: 'differs' }[kind];
  const by = (place: typeof event) =>
    place ? `${place.type}, ${place.stream} @${place.revision}, position ${place.position}` : 'no event';
  return [
    `  ${table}: the row of ${row} ${what}\n`,
    ...(cells.length === 0 ? [`      decided by ${by(event)}\n`] : []),
    ...cells.map(
      ({ column, expected, found, event: decider }) =>
        `      ${column} is ${JSON.stringify(found)}, the log says ${JSON.stringify(expected)}: ${by(decider)}\n`,
    ),
  ];
}

function describeFindings({
  findings,
  findingCount,
}: {
  readonly findings: readonly Finding<string>[];
  readonly findingCount: number;
}): string {
  if (findingCount === 0) return '';
  const lines = findings
    .slice(0, maxShown)
    .flatMap(({ code, message, events }) => [
      `  ${code}: ${message}`,
      ...events.map(({ stream, revision, position }) => `      ${stream} @${revision}, position ${position}`),
    ]);
  const more = findingCount - Math.min(maxShown, findings.length);
  if (more > 0) lines.push(`  … and ${more} more`);
  return `${findingCount} findings:\n${lines.join('\n')}\n`;
}
