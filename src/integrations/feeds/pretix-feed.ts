import { maxPublishedEventBytes } from '../../domain/catalog-document.js';
import {
  maxSeatsPerSection,
  type PlanRow,
  type PlanSeat,
  type PlanSection,
  planSeatSchema,
} from '../../events/catalog-events.js';
import type { ProblemList, RawFeed } from './feed.js';
import { focusOf, type Point, pointOf, type ReadArea, readArea, roundCoordinate } from './pretix-areas.js';
import { elementsIn, isObject, type JsonObject, labelOf, listOf, textOf } from './values.js';

const add = (a: Point, b: Point): Point => ({ x: a.x + b.x, y: a.y + b.y });
const origin: Point = { x: 0, y: 0 };

/** One zone and its location in the feed. */
interface Zone {
  readonly record: string;
  readonly name: string;
  readonly value: JsonObject;
  readonly position: Point;
}

function readSeat(value: unknown, at: Point, record: string, problems: ProblemList): PlanSeat | undefined {
  const position = isObject(value) ? pointOf(value.position) : undefined;
  if (!isObject(value) || position === undefined) {
    const reason = isObject(value) ? 'must be two finite numbers x and y' : 'is not a seat';
    problems.add({ record, ...(isObject(value) ? { field: 'position' } : {}), reason, effect: 'skipped' });
    return undefined;
  }
  const { x, y } = add(at, position);
  const seat = planSeatSchema.safeParse({
    seatId: textOf(value.seat_guid),
    number: labelOf(value.seat_number),
    category: textOf(value.category),
    x: roundCoordinate(x),
    y: roundCoordinate(y),
  });
  if (seat.success) return seat.data;
  for (const { path, message } of seat.error.issues) {
    const names: Readonly<Record<string, string>> = { seatId: 'seat_guid', number: 'seat_number' };
    const field = String(path[0] ?? '');
    problems.add({ record, field: names[field] ?? field, reason: message, effect: 'skipped' });
  }
  return undefined;
}

/** The row's name; its index in the zone when it has none that fits on a ticket. */
function rowLabel(row: JsonObject, index: number, record: string, problems: ProblemList): string {
  const label = labelOf(row.row_number) ?? labelOf(row.row_label);
  if (label !== undefined && label.length <= 20) return label;
  const reason = label === undefined ? 'has no name' : 'has a name longer than 20 characters';
  problems.add({
    record,
    field: 'row_number',
    reason: `${reason}; called "${index + 1}"`,
    effect: 'changed',
  });
  return String(index + 1);
}

function readRow(value: unknown, zone: Zone, index: number, problems: ProblemList): PlanRow[] {
  const named = isObject(value) ? labelOf(value.row_number) : undefined;
  const record = `${zone.record}, row ${named === undefined ? '' : `"${named}" `}(rows[${index}])`;
  if (!isObject(value)) {
    problems.add({ record, reason: 'is not a row', effect: 'skipped' });
    return [];
  }
  const position = value.position === undefined ? origin : pointOf(value.position);
  if (position === undefined) {
    problems.add({
      record,
      field: 'position',
      reason: 'must be two finite numbers x and y',
      effect: 'skipped',
    });
    return [];
  }
  const at = add(zone.position, position);
  const seats = listOf(value.seats).flatMap((seat, seatIndex) => {
    const read = readSeat(seat, at, `${record}, seats[${seatIndex}]`, problems);
    return read === undefined ? [] : [read];
  });
  if (seats.length === 0) {
    problems.add({ record, field: 'seats', reason: 'has no seats that can be used', effect: 'skipped' });
    return [];
  }
  const label = rowLabel(value, index, record, problems);
  return splitAtAisles(inPhysicalOrder(seats)).map((part) => ({ label, seats: part }));
}

function readZone(value: unknown, index: number, problems: ProblemList): Zone | undefined {
  const name = (isObject(value) ? textOf(value.name) : undefined) ?? `Zone ${index + 1}`;
  const record = `zone "${name}" (zones[${index}])`;
  const position = isObject(value)
    ? value.position === undefined
      ? origin
      : pointOf(value.position)
    : undefined;
  if (!isObject(value) || position === undefined) {
    const reason = isObject(value) ? 'must be two finite numbers x and y' : 'is not a zone';
    problems.add({ record, ...(isObject(value) ? { field: 'position' } : {}), reason, effect: 'skipped' });
    return undefined;
  }
  return { record, name, value, position };
}

function zoneAreas(zone: Zone, problems: ProblemList): ReadArea[] {
  return listOf(zone.value.areas).flatMap((value, index) => {
    const record = `${zone.record}, areas[${index}]`;
    if (!isObject(value)) {
      problems.add({ record, reason: 'is not an area', effect: 'skipped' });
      return [];
    }
    const area = readArea(value, zone.position, record, problems);
    return area === undefined ? [] : [area];
  });
}

function zoneSections(zone: Zone, ids: SectionIds, problems: ProblemList): PlanSection[] {
  const rows = listOf(zone.value.rows).flatMap((row, index) => readRow(row, zone, index, problems));
  return toSections(textOf(zone.value.zone_id) ?? zone.name, zone.name, rows, ids);
}

/** Most list elements of a plan: more than 100,000 seats need, and few enough to check each. */
const maxElements = 250_000;
/** Most shapes a venue may be decorated with. */
const maxDecorations = 2000;

function decorationsOf(areas: readonly ReadArea[], problems: ProblemList): ReadArea['decorations'] {
  const decorations = areas.flatMap((area) => area.decorations);
  if (decorations.length > maxDecorations) {
    const reason = `has ${decorations.length} shapes; only the first ${maxDecorations} are drawn`;
    problems.add({ record: 'plan', field: 'areas', reason, effect: 'changed' });
  }
  return decorations.slice(0, maxDecorations);
}

/**
 * Reads a seating plan as the pretix plan editor writes it: one venue, a section for each zone. Unknown keys
 * are ignored. The plan has no id, so its name is the venue's external id.
 */
export function readPretixFeed(value: unknown, problems: ProblemList): RawFeed | undefined {
  const name = isObject(value) ? textOf(value.name) : undefined;
  if (!isObject(value) || name === undefined || !Array.isArray(value.zones)) {
    problems.add({
      record: 'plan',
      reason: 'is not a pretix seating plan with a name and zones',
      effect: 'refused',
    });
    return undefined;
  }
  if (elementsIn(value, maxElements) > maxElements) {
    const reason = `holds more than ${maxElements} seats, points and other elements`;
    problems.add({ record: 'plan', field: 'zones', reason, effect: 'refused' });
    return undefined;
  }
  const zones = value.zones.flatMap((zone, index) => readZone(zone, index, problems) ?? []);
  const ids = new SectionIds();
  const sections = zones.flatMap((zone) => zoneSections(zone, ids, problems));
  const seats = sections.flatMap((section) => section.rows.flatMap((row) => row.seats));
  if (seats.length === 0) {
    problems.add({
      record: 'plan',
      field: 'zones',
      reason: 'has no seats that can be used',
      effect: 'refused',
    });
    return undefined;
  }
  const areas = zones.flatMap((zone) => zoneAreas(zone, problems));
  const venue = {
    id: name.slice(0, 200),
    name: name.slice(0, 300),
    location: '',
    focus: focusOf(areas, seats),
    decorations: [...decorationsOf(areas, problems)],
    sections,
  };
  return { source: 'pretix', venues: [{ record: `plan "${name}"`, value: venue }], performances: [] };
}

const distance = (a: Point, b: Point) => Math.hypot(a.x - b.x, a.y - b.y);

/** Distances from each seat to the next. */
function steps(seats: readonly Point[]): number[] {
  return seats.flatMap((seat, index) => {
    const next = seats[index + 1];
    return next === undefined ? [] : [distance(seat, next)];
  });
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/**
 * The seats of a row in physical order, left to right (top to bottom for rows that run away from the stage). Of the
 * feed's order, left to right, and top to bottom, the one with the shortest path through all seats wins; the feed's
 * order wins ties, since a row bent more than a half circle has no other correct order.
 */
export function inPhysicalOrder<Seat extends Point>(seats: readonly Seat[]): Seat[] {
  const orders = [
    [...seats],
    [...seats].sort((a, b) => a.x - b.x || a.y - b.y),
    [...seats].sort((a, b) => a.y - b.y || a.x - b.x),
  ].map((order) => ({ order, length: sum(steps(order)) }));
  const best = orders.reduce((shortest, next) =>
    next.length < shortest.length - 1e-6 ? next : shortest,
  ).order;
  const [first, last] = [best[0], best.at(-1)];
  if (first === undefined || last === undefined) return best;
  const runsAcross = Math.abs(last.x - first.x) >= Math.abs(last.y - first.y);
  const backwards = runsAcross ? last.x < first.x : last.y < first.y;
  return backwards ? best.reverse() : best;
}

/** A step this many times the row's usual one is an aisle. */
const aisleFactor = 1.8;

/** Splits a row, in physical order, at its aisles: adjacent seats of a part are neighbours. */
export function splitAtAisles<Seat extends Point>(seats: readonly Seat[]): Seat[][] {
  const gaps = steps(seats);
  const usual = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
  const parts: Seat[][] = [];
  seats.forEach((seat, index) => {
    const gap = gaps[index - 1] ?? 0;
    const part = parts.at(-1);
    // When most seats share one point (usual step 0), every step would look like an aisle.
    if (part === undefined || (usual > 0 && gap > usual * aisleFactor)) parts.push([seat]);
    else part.push(seat);
  });
  return parts;
}

const maxRows = 1000;
const maxSeatsPerRow = 1000;
/** Bytes kept free for the section's own name and id. */
const headerBytes = 2000;

/** Unique section ids of at most 64 characters, made from the organiser's names. */
class SectionIds {
  private readonly used = new Set<string>();

  next(wanted: string): string {
    for (let copy = 1; ; copy++) {
      const suffix = copy === 1 ? '' : `-${copy}`;
      const id = `${wanted.slice(0, 64 - suffix.length).trim()}${suffix}`;
      if (!this.used.has(id)) {
        this.used.add(id);
        return id;
      }
    }
  }
}

/**
 * Rows as one section or, where they are more than one event may hold, as several: "Stalls", "Stalls (2)" ….
 * @param id what the section ids are made from
 */
function toSections(id: string, name: string, rows: readonly PlanRow[], ids: SectionIds): PlanSection[] {
  const groups: PlanRow[][] = [];
  let [seats, bytes] = [0, 0];
  for (const row of rows.flatMap(shortRows)) {
    const rowBytes = Buffer.byteLength(JSON.stringify(row)) + 1;
    const group = groups.at(-1);
    seats += row.seats.length;
    bytes += rowBytes;
    const fits = seats <= maxSeatsPerSection && bytes <= maxPublishedEventBytes - headerBytes;
    if (group !== undefined && fits && group.length < maxRows) {
      group.push(row);
    } else {
      groups.push([row]);
      [seats, bytes] = [row.seats.length, rowBytes];
    }
  }
  return groups.map((group, index) => ({
    sectionId: ids.next(id),
    name: index === 0 ? name.slice(0, 100) : `${name.slice(0, 92)} (${index + 1})`,
    rows: group,
  }));
}

/** Splits a row that is too long into several with the same label. */
function shortRows(row: PlanRow): PlanRow[] {
  const parts = Math.ceil(row.seats.length / maxSeatsPerRow);
  return Array.from({ length: parts }, (_, part) => ({
    label: row.label,
    seats: row.seats.slice(part * maxSeatsPerRow, (part + 1) * maxSeatsPerRow),
  }));
}
