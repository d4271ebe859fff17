import { call } from './fan.js';
import type { AnyOffice } from './modes.js';

export interface SmallHall {
  readonly venueId: string;
  readonly performanceId: string;
  readonly scheduleId: string;
  readonly seatIds: readonly string[];
}

/** Time for everything, however slow the machine. */
const unhurried = {
  claimWindowMs: 3_600_000,
  serviceWindowMs: 7_200_000,
  holdTtlMs: 3_600_000,
  maxLapsedHolds: 50,
  maxReleasedHolds: 50,
  seatCoolDownMs: 0,
  idleWindowMs: 7_200_000,
  seatReturnWindowMs: 0,
};

/** A catalog document of one hall with one row for every `seatsPerRow` seats, sold at 100 points a seat. */
export function smallHallDocument(options: {
  /** Tells halls of one office apart. */
  readonly id?: string;
  readonly rows: number;
  readonly seatsPerRow: number;
  /** Places of a standing area `floor`; without it there is none. */
  readonly standing?: number;
  readonly sales?: Record<string, unknown>;
  readonly startsAt?: string;
}) {
  const rows = Array.from({ length: options.rows }, (_, row) => ({
    label: `R${row + 1}`,
    seats: Array.from({ length: options.seatsPerRow }, (_, seat) => ({
      seatId: `R${row + 1}-${seat + 1}`,
      number: String(seat + 1),
      category: 'standard',
      x: seat * 10,
      y: row * 12,
    })),
  }));
  const startsAt = options.startsAt ?? new Date(Date.now() + 30 * 86_400_000).toISOString();
  const date = startsAt.slice(0, 10);
  const { id = 'hall' } = options;
  return {
    format: 'boxoffice-catalog',
    version: 1,
    source: 'e2e',
    venues: [
      {
        id,
        name: 'Small hall',
        location: 'Seoul',
        sections: [{ sectionId: 'S', name: 'Stalls', rows }, ...standingArea(options.standing)],
      },
    ],
    performances: [
      {
        id: `show in ${id}`,
        venue: id,
        name: 'A show',
        description: 'For tests.',
        startDate: date,
        endDate: date,
        prices: [{ category: 'standard', price: 100 }],
        sales: { maxActive: 2000, admitPerSecond: 2000, ...unhurried, ...options.sales },
        schedules: [{ id: 'first', startsAt }],
      },
    ],
  };
}

function standingArea(capacity: number | undefined) {
  if (capacity === undefined) return [];
  return [
    {
      sectionId: 'floor',
      name: 'Floor',
      rows: [],
      standing: { category: 'standard', capacity, x: 0, y: -20 },
    },
  ];
}

/** Imports a document through the operators' endpoint. */
export async function importDocument(office: Pick<AnyOffice, 'url' | 'config'>, document: unknown) {
  const answer = await call(office.url, 'POST', '/v1/admin/imports', {
    body: document,
    headers: { authorization: `Bearer ${office.config.ADMIN_KEY}` },
  });
  if (answer.status !== 200) throw new Error(`import: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Puts a small hall on sale. */
export async function openSmallHall(
  office: AnyOffice,
  options: Parameters<typeof smallHallDocument>[0],
): Promise<SmallHall> {
  const document = smallHallDocument(options);
  const report = await importDocument(office, document);
  const idOf = (kind: string) => report.records.find((record: { kind: string }) => record.kind === kind).id;
  const seatIds = document.venues.flatMap((venue) =>
    venue.sections.flatMap((section) => section.rows.flatMap((row) => row.seats.map((seat) => seat.seatId))),
  );
  return {
    venueId: idOf('venue'),
    performanceId: idOf('performance'),
    scheduleId: idOf('schedule'),
    seatIds,
  };
}
