import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import type { CommandContext } from '../../src/commands/command-context.js';
import { EnterService } from '../../src/commands/queue/enter-and-leave.js';
import { IssueToken } from '../../src/commands/queue/issue-token.js';
import { AdmitTokens, OpenQueue } from '../../src/commands/queue/open-and-admit.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { ReleaseHold } from '../../src/commands/seats/end-hold.js';
import { type HeldSeats, HoldSeats } from '../../src/commands/seats/hold-seats.js';
import { ChargePoints } from '../../src/commands/wallet/charge-points.js';
import { type CatalogDocument, catalogDocumentSchema } from '../../src/domain/catalog-document.js';
import { Rejected } from '../../src/domain/rejection.js';
import type { SalesRules } from '../../src/events/catalog-events.js';
import {
  performanceIdSchema,
  type SeatId,
  scheduleIdSchema,
  seatIdSchema,
  type UserId,
  userIdSchema,
  venueIdSchema,
} from '../../src/events/ids.js';
import { deriveId } from '../../src/platform/derive-id.js';
import type { CommandSide } from './box-office.js';

export const venueId = venueIdSchema.parse(deriveId('venue', 'theatre', 'hall'));
export const performanceId = performanceIdSchema.parse(deriveId('performance', 'theatre', 'show'));
export const scheduleId = scheduleIdSchema.parse(deriveId('schedule', 'theatre', 'show', 'first night'));
export const startsAt = '2026-12-24T10:00:00.000Z';
export const seatPrice = 100;

export const seat = (name: string): SeatId => seatIdSchema.parse(name);
export const seats = (...names: string[]): SeatId[] => names.map(seat);
export const userNamed = (name: string): UserId => userIdSchema.parse(deriveId('fan', name));

/** A command's context; the same key is the same command. */
export function contextOf(key: string): CommandContext {
  const commandId = deriveId('command', key);
  return { commandId, correlationId: key, causationId: key, actor: { kind: 'anonymous' } };
}

let keys = 0;
/** A context no other command has. */
export const freshContext = (): CommandContext => contextOf(`fresh ${keys++}`);

export interface TheatreOptions {
  readonly rows?: readonly string[];
  readonly seatsPerRow?: number;
  readonly sales?: Partial<SalesRules>;
  readonly sections?: CatalogDocument['venues'][number]['sections'];
}

/** Rules under which fans may hold and give back as often as a test wants, and seats come back at once. */
export const lenient = {
  maxLapsedHolds: 50,
  maxReleasedHolds: 50,
  seatCoolDownMs: 0,
  idleWindowMs: 7_200_000,
  seatReturnWindowMs: 0,
} satisfies Partial<SalesRules>;

/** A hall of one section, rows A and B of ten seats at 100 points, with generous sales rules. */
export function theatreDocument(options: TheatreOptions = {}): CatalogDocument {
  const { rows = ['A', 'B'], seatsPerRow = 10 } = options;
  const section = {
    sectionId: 'stalls',
    name: 'Stalls',
    rows: rows.map((label, y) => ({
      label,
      seats: Array.from({ length: seatsPerRow }, (_, x) => ({
        seatId: `${label}-${x + 1}`,
        number: `${x + 1}`,
        category: 'R',
        x,
        y: y + 1,
      })),
    })),
  };
  return catalogDocumentSchema.parse({
    format: 'boxoffice-catalog',
    version: 1,
    source: 'theatre',
    venues: [{ id: 'hall', name: 'Hall', location: 'Seoul', sections: options.sections ?? [section] }],
    performances: [
      {
        id: 'show',
        venue: 'hall',
        name: 'Show',
        startDate: '2026-12-24',
        endDate: '2026-12-24',
        prices: [{ category: 'R', price: seatPrice }],
        sales: { maxActive: 100_000, admitPerSecond: 10_000, ...lenient, ...options.sales },
        schedules: [{ id: 'first night', startsAt }],
      },
    ],
  });
}

type PlanSeat = CatalogDocument['venues'][number]['sections'][number]['rows'][number]['seats'][number];

/** The document with its seats changed; `undefined` leaves a seat out. */
export function withSeats(
  change: (seat: PlanSeat, row: string) => Partial<PlanSeat> | undefined,
  document: CatalogDocument = theatreDocument(),
): CatalogDocument {
  const venues = document.venues.map((venue) => ({
    ...venue,
    sections: venue.sections.map((section) => ({
      ...section,
      rows: section.rows
        .map(({ label, seats }) => ({
          label,
          seats: seats.flatMap((one) => {
            const changed = change(one, label);
            return changed === undefined ? [] : [{ ...one, ...changed }];
          }),
        }))
        .filter(({ seats }) => seats.length > 0),
    })),
  }));
  return { ...document, venues };
}

/** The document as an editor exports it again: every seat has a new id, `<prefix>-<id>`. */
export const withNewIds = (prefix: string, document: CatalogDocument = theatreDocument()): CatalogDocument =>
  withSeats(({ seatId }) => ({ seatId: seat(`${prefix}-${seatId}`) }), document);

/** Publishes the theatre. */
export function openTheatre(side: CommandSide, options: TheatreOptions = {}) {
  return side.execute(new ImportCatalog(theatreDocument(options), freshContext()));
}

/** A fan in the queue. */
export async function queued(side: CommandSide, name: string): Promise<QueueToken> {
  const userId = userNamed(name);
  const issued = await side.execute(new IssueToken(userId, performanceId, 1, freshContext()));
  return { userId, performanceId, tokenId: issued.tokenId, number: issued.number };
}

/** Opens the queue and lets everyone in who may come in now. */
export async function letIn(side: CommandSide): Promise<void> {
  await side.execute(new OpenQueue(performanceId, freshContext()));
  await side.execute(new AdmitTokens(performanceId, freshContext()));
}

/** A fan inside, with points in the wallet. */
export async function inside(side: CommandSide, name: string, points = 0): Promise<QueueToken> {
  const queueToken = await queued(side, name);
  await letIn(side);
  await side.execute(new EnterService(queueToken, freshContext()));
  if (points > 0) await charge(side, queueToken.userId, points);
  return queueToken;
}

export function charge(side: CommandSide, userId: UserId, amount: number) {
  return side.execute(new ChargePoints(userId, { amount, paymentMethod: 'card' }, freshContext()));
}

export function hold(
  side: CommandSide,
  queueToken: QueueToken,
  seatIds: SeatId[],
  context: CommandContext = freshContext(),
): Promise<HeldSeats> {
  return side.execute(new HoldSeats(queueToken, scheduleId, { seatIds }, context));
}

export function release(side: CommandSide, queueToken: QueueToken, { holdId }: Pick<HeldSeats, 'holdId'>) {
  return side.execute(new ReleaseHold(queueToken, holdId, freshContext()));
}

export function holdBest(
  side: CommandSide,
  queueToken: QueueToken,
  quantity: number,
  context: CommandContext = freshContext(),
): Promise<HeldSeats> {
  return side.execute(new HoldSeats(queueToken, scheduleId, { bestAvailable: { quantity } }, context));
}

/** The code a command was refused with, or what it returned instead. */
export async function outcomeOf<Result>(work: Promise<Result>): Promise<Result | string> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Rejected) return error.rejection.code;
    throw error;
  }
}
