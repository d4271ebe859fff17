import { z } from 'zod';
import { adminKey } from '../http/servers.js';
import { seatsPerFan } from './story.js';

const seatsPerRow = 50;
const rowsPerSection = 20;
const categories = [
  { category: 'VIP', price: 1_500 },
  { category: 'R', price: 1_000 },
  { category: 'S', price: 700 },
] as const;
const dayMs = 86_400_000;

const reportSchema = z.object({ records: z.array(z.object({ kind: z.string(), id: z.string() })) });

/**
 * Puts a hall of `seats` seats on sale, with one date.
 * @param opensAtMs when its queue opens, ms since 1970.
 */
export async function openHall(
  url: string,
  { seats, admitPerSecond, opensAtMs }: { seats: number; admitPerSecond: number; opensAtMs: number },
): Promise<{ performanceId: string; scheduleId: string }> {
  const startsAt = new Date(Date.now() + 30 * dayMs).toISOString();
  const day = startsAt.slice(0, 10);
  const sales = {
    opensAt: new Date(opensAtMs).toISOString(),
    seatLimitPerUser: 2 * seatsPerFan,
    queueCapacity: 1_000_000,
    // The pace alone decides who comes in.
    maxActive: 10_000,
    admitPerSecond,
    claimWindowMs: 120_000,
    serviceWindowMs: 600_000,
    holdTtlMs: 300_000,
  };
  const response = await fetch(new URL('/v1/admin/imports', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({
      format: 'boxoffice-catalog',
      version: 1,
      source: 'bench',
      venues: [{ id: 'hall', name: 'Hall', location: 'Here', sections: sectionsOf(seats) }],
      performances: [
        {
          id: 'show',
          venue: 'hall',
          name: 'Show',
          description: '',
          startDate: day,
          endDate: day,
          prices: categories,
          sales,
          schedules: [{ id: '1', startsAt }],
        },
      ],
    }),
  });
  if (!response.ok) throw new Error(`import: ${response.status} ${await response.text()}`);
  const { records } = reportSchema.parse(await response.json());
  const idOf = (kind: string) => records.find((record) => record.kind === kind)?.id ?? '';
  return { performanceId: idOf('performance'), scheduleId: idOf('schedule') };
}

/** Rows of 50 seats, one behind the other; the front third is the dearest. */
function sectionsOf(seats: number) {
  const rows = Array.from({ length: Math.ceil(seats / seatsPerRow) }, (_, row) => ({
    label: `R${row}`,
    seats: Array.from({ length: Math.min(seatsPerRow, seats - row * seatsPerRow) }, (_, seat) => ({
      seatId: `R${row}-${seat}`,
      number: String(seat),
      category: categories[Math.floor((row * seatsPerRow * categories.length) / seats)]?.category ?? 'S',
      x: seat,
      y: row,
    })),
  }));
  return Array.from({ length: Math.ceil(rows.length / rowsPerSection) }, (_, section) => ({
    sectionId: `S${section}`,
    name: `Section ${section}`,
    rows: rows.slice(section * rowsPerSection, (section + 1) * rowsPerSection),
  }));
}
