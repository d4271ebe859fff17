import { type PlanRow, type PlanSeat, standingRow } from '../events/catalog-events.js';
import type { SeatId } from '../events/ids.js';
import type { WheelchairAccess } from '../events/queue-events.js';
import { hasFeature, isForEverybody } from '../events/seat-features.js';
import { assertNever } from './decider.js';

interface BestAvailableQuery {
  readonly rows: readonly PlanRow[];
  readonly quantity: number;
  /** Whether the seat may be chosen: free, for sale, of the wanted category. */
  readonly isEligible: (seat: PlanSeat) => boolean;
  /** Whether a neighbouring seat is free: a single free seat left beside the chosen ones is an orphan. */
  readonly isFree: (seat: PlanSeat) => boolean;
  /** Where the audience looks; without it the middle of the plan's top edge. */
  readonly focus: { readonly x: number; readonly y: number } | undefined;
  /** Undefined: the fan needs no wheelchair place, so no wheelchair or companion places are chosen. */
  readonly access?: WheelchairAccess | undefined;
  /** Seats with a restricted view may be chosen when there are too few others. */
  readonly acceptRestrictedView?: boolean | undefined;
}

/** A gap wider than this many seat spacings is an aisle: seats across it are not neighbours. */
const aisleSpacings = 1.75;

/**
 * Chooses the best free seats of the kind that the fan asks for: ordinary seats, wheelchair places, or one wheelchair
 * place with `quantity` − 1 companion places of it. Seats with a restricted view are chosen only if the fan accepts them
 * and there are too few others.
 * @returns the seat ids, or undefined when fewer than `quantity` seats are eligible.
 */
export function chooseBestAvailable(query: BestAvailableQuery): SeatId[] | undefined {
  const isClear = (seat: PlanSeat) => !hasFeature(seat, 'restricted-view') && query.isEligible(seat);
  const clear = chooseOfKind({ ...query, isEligible: isClear });
  return clear ?? (query.acceptRestrictedView ? chooseOfKind(query) : undefined);
}

function chooseOfKind(query: BestAvailableQuery): SeatId[] | undefined {
  const { access } = query;
  switch (access) {
    case undefined:
      return chooseSideBySide({
        ...query,
        isEligible: (seat) => isForEverybody(seat) && query.isEligible(seat),
        isFree: (seat) => isForEverybody(seat) && query.isFree(seat),
      });
    case 'wheelchair':
      return chooseSideBySide({
        ...query,
        isEligible: (seat) => hasFeature(seat, 'wheelchair') && query.isEligible(seat),
        // A single wheelchair place is as good as several.
        isFree: () => false,
      });
    case 'wheelchair-and-companion':
      return chooseWithCompanions(query);
    default:
      return assertNever(access);
  }
}

/** The wheelchair place nearest the focus that has enough companion places, and the nearest of these. */
function chooseWithCompanions({
  rows,
  quantity,
  isEligible,
  focus,
}: BestAvailableQuery): SeatId[] | undefined {
  const seats = rows.flatMap((row) => row.seats);
  const companions = new Map<SeatId, PlanSeat[]>();
  for (const seat of seats) {
    if (seat.companionOf === undefined || !isEligible(seat)) continue;
    companions.set(seat.companionOf, [...(companions.get(seat.companionOf) ?? []), seat]);
  }
  const point = focus ?? topMiddle(rows);
  const places = seats.filter(
    (seat) =>
      hasFeature(seat, 'wheelchair') &&
      isEligible(seat) &&
      (companions.get(seat.seatId)?.length ?? 0) >= quantity - 1,
  );
  const [best] = nearestFirst(places, point);
  if (!best) return undefined;
  const beside = nearestFirst(companions.get(best.seatId) ?? [], best).slice(0, quantity - 1);
  return [best, ...beside].map(({ seatId }) => seatId);
}

function nearestFirst(seats: readonly PlanSeat[], point: Point): PlanSeat[] {
  return [...seats].sort((a, b) => squaredDistance(point, a) - squaredDistance(point, b));
}

/**
 * Chooses `quantity` seats side by side in one row: a run that leaves the fewest single free seats beside it, and of
 * those the one nearest the focus. When no row has a run that long, the request
 * is split into the largest runs that exist, nearest first. In a standing area no places are side by side: its lowest
 * free numbers are its only run.
 */
function chooseSideBySide(query: BestAvailableQuery): SeatId[] | undefined {
  const blocks = query.rows.filter((row) => !isStanding(row)).flatMap(blocksOf);
  const areas = query.rows.filter(isStanding).map(({ seats }) => seats);
  const eligible = [...blocks, ...areas].reduce(
    (sum, block) => sum + block.filter(query.isEligible).length,
    0,
  );
  if (eligible < query.quantity) return undefined;

  const focus = query.focus ?? topMiddle(query.rows);
  const chosen = new Set<SeatId>();
  let missing = query.quantity;
  for (let size = missing; missing > 0; size = Math.min(size, missing)) {
    const run = nearestRun({ blocks, areas }, size, focus, query, chosen);
    if (!run) {
      size -= 1;
      continue;
    }
    for (const seat of run) chosen.add(seat.seatId);
    missing -= size;
  }
  return [...chosen];
}

interface Parts {
  readonly blocks: readonly (readonly PlanSeat[])[];
  /** Places of each standing area, lowest number first. */
  readonly areas: readonly (readonly PlanSeat[])[];
}

const isStanding = ({ label }: PlanRow) => label === standingRow;

function nearestRun(
  { blocks, areas }: Parts,
  size: number,
  focus: Point,
  query: BestAvailableQuery,
  taken: ReadonlySet<SeatId>,
): readonly PlanSeat[] | undefined {
  let best: { block: readonly PlanSeat[]; start: number; orphans: number; distance: number } | undefined;
  for (const block of blocks) {
    let length = 0;
    for (let end = 0; end < block.length; end++) {
      const seat = block[end];
      length = seat && query.isEligible(seat) && !taken.has(seat.seatId) ? length + 1 : 0;
      if (length < size) continue;
      const start = end - size + 1;
      const first = block[start];
      if (!first || !seat) continue;
      const orphans = orphansBeside(
        block,
        start,
        end,
        (other) => query.isFree(other) && !taken.has(other.seatId),
      );
      const distance = squaredDistance(focus, { x: (first.x + seat.x) / 2, y: (first.y + seat.y) / 2 });
      if (!best || orphans < best.orphans || (orphans === best.orphans && distance < best.distance)) {
        best = { block, start, orphans, distance };
      }
    }
  }
  for (const area of areas) {
    const places = firstEligible(area, size, query, taken);
    const [first] = places;
    if (!first || places.length < size) continue;
    const distance = squaredDistance(focus, first);
    if (!best || best.orphans > 0 || distance < best.distance) {
      best = { block: places, start: 0, orphans: 0, distance };
    }
  }
  return best?.block.slice(best.start, best.start + size);
}

/** At most `size` of them. */
function firstEligible(
  area: readonly PlanSeat[],
  size: number,
  { isEligible }: BestAvailableQuery,
  taken: ReadonlySet<SeatId>,
): PlanSeat[] {
  const found: PlanSeat[] = [];
  for (const place of area) {
    if (found.length === size) break;
    if (isEligible(place) && !taken.has(place.seatId)) found.push(place);
  }
  return found;
}

/** Single free seats that would be left alone on either side of block[start … end]. */
function orphansBeside(
  block: readonly PlanSeat[],
  start: number,
  end: number,
  isFree: (seat: PlanSeat) => boolean,
): number {
  const freeAt = (index: number) => {
    const seat = block[index];
    return seat !== undefined && isFree(seat);
  };
  const left = freeAt(start - 1) && !freeAt(start - 2) ? 1 : 0;
  const right = freeAt(end + 1) && !freeAt(end + 2) ? 1 : 0;
  return left + right;
}

/** Rows are immutable, so each is split once. */
const blocksByRow = new WeakMap<PlanRow, PlanSeat[][]>();

function blocksOf(row: PlanRow): PlanSeat[][] {
  let blocks = blocksByRow.get(row);
  if (!blocks) {
    blocks = splitAtAisles(row);
    blocksByRow.set(row, blocks);
  }
  return blocks;
}

/** The row split where the space between two seats is an aisle. */
function splitAtAisles(row: PlanRow): PlanSeat[][] {
  const spacings = row.seats.slice(1).map((seat, index) => distanceBetween(seat, row.seats[index] ?? seat));
  const median = [...spacings].sort((a, b) => a - b)[Math.floor(spacings.length / 2)] ?? 0;
  const blocks: PlanSeat[][] = [[]];
  row.seats.forEach((seat, index) => {
    const spacing = index === 0 ? 0 : (spacings[index - 1] ?? 0);
    if (median > 0 && spacing > median * aisleSpacings) blocks.push([]);
    blocks.at(-1)?.push(seat);
  });
  return blocks;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function squaredDistance(a: Point, b: Point): number {
  return (a.x - b.x) ** 2 + (a.y - b.y) ** 2;
}

function distanceBetween(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** Where the audience looks when a plan does not say: the middle of its top edge. */
export function topMiddle(rows: readonly PlanRow[]): Point {
  let [left, right, top] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const row of rows) {
    for (const seat of row.seats) {
      left = Math.min(left, seat.x);
      right = Math.max(right, seat.x);
      top = Math.min(top, seat.y);
    }
  }
  return { x: (left + right) / 2, y: top };
}
