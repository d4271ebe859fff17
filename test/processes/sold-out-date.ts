import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { EnterService } from '../../src/commands/queue/enter-and-leave.js';
import { catalogDocumentSchema } from '../../src/domain/catalog-document.js';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.js';
import { addMs } from '../../src/events/ids.js';
import { ConcurrencyLimit } from '../../src/platform/concurrency-limit.js';
import { createCommandSide } from '../commands/box-office.js';
import { ManualClock } from '../commands/manual-clock.js';
import {
  charge,
  freshContext,
  hold,
  letIn,
  queued,
  seatPrice,
  seats,
  theatreDocument,
} from '../commands/theatre.js';

export interface SoldOutDate {
  /** Each of so many seats. */
  readonly orders: number;
  readonly seatsPerOrder: number;
  /** Fans who hold as many seats and have not paid; their seats have the first ids. */
  readonly holders: number;
}

/** Points that every fan charges. */
export const chargedPoints = 100_000;

const fansAtOnce = 64;
/** No more than one admission lets in. */
const fansPerRound = 1_000;
const seatsPerRow = 100;
const rowsPerSection = 30;
const dayMs = 86_400_000;

/**
 * Writes the log of an office whose theatre ({@link theatreDocument}) has sold or lent every seat of its date, through the
 * office's own commands. Its payment system and accounts are not in it.
 * @param file of the embedded event store; made anew.
 */
export async function sellDate(file: string, { orders, seatsPerOrder, holders }: SoldOutDate): Promise<void> {
  const store = await openSqliteEventStore({ file });
  try {
    const clock = new ManualClock(new Date(Date.now() - 60_000).toISOString());
    const side = createCommandSide({ store, clock });
    const names = seatNames((orders + holders) * seatsPerOrder);
    await side.execute(new ImportCatalog(documentFor(names, addMs(clock.now(), 30 * dayMs)), freshContext()));
    const limit = new ConcurrencyLimit(fansAtOnce);
    const all = <Result>(work: (fan: number) => Promise<Result>) =>
      Promise.all(Array.from({ length: orders + holders }, (_, fan) => limit.run(() => work(fan))));
    const fans = await all((fan) => queued(side, `fan ${fan}`));
    for (let admitted = 0; admitted < fans.length; admitted += fansPerRound) {
      await letIn(side);
      clock.advance(1_000);
    }
    await all(async (fan) => {
      const queueToken = fans[fan];
      if (!queueToken) throw new Error(`fan ${fan} is not in the queue`);
      await side.execute(new EnterService(queueToken, freshContext()));
      await charge(side, queueToken.userId, chargedPoints);
      const wanted = names.slice(fan * seatsPerOrder, (fan + 1) * seatsPerOrder);
      await hold(side, queueToken, seats(...wanted));
      if (fan >= holders) await side.execute(new Pay(queueToken, {}, freshContext()));
    });
  } finally {
    await store.close();
  }
}

/** In the order in which fans get them, and in that of their ids. */
function seatNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `S-${String(index).padStart(6, '0')}`);
}

function documentFor(names: readonly string[], startsAt: string) {
  const section = (from: number) => ({
    sectionId: `from ${from}`,
    name: `From ${from}`,
    rows: Array.from({ length: rowsPerSection }, (_, row) => ({
      label: String(row + 1),
      seats: names
        .slice(from + row * seatsPerRow, from + (row + 1) * seatsPerRow)
        .map((seatId, x) => ({ seatId, number: String(x + 1), category: 'R', x, y: row })),
    })).filter((row) => row.seats.length > 0),
  });
  const perSection = rowsPerSection * seatsPerRow;
  const starts = Array.from({ length: Math.ceil(names.length / perSection) }, (_, n) => n * perSection);
  const sales = {
    seatLimitPerUser: 20,
    claimWindowMs: 3_600_000,
    serviceWindowMs: 7_200_000,
    holdTtlMs: 3_600_000,
  };
  const document = theatreDocument({ sales });
  const day = startsAt.slice(0, 10);
  return catalogDocumentSchema.parse({
    ...document,
    venues: document.venues.map((venue) => ({ ...venue, sections: starts.map(section) })),
    performances: document.performances.map((performance) => ({
      ...performance,
      startDate: day,
      endDate: day,
      schedules: performance.schedules.map((schedule) => ({ ...schedule, startsAt })),
    })),
  });
}

/** Points that the orders have taken together. */
export function takings({ orders, seatsPerOrder }: SoldOutDate): number {
  return orders * seatsPerOrder * seatPrice;
}
