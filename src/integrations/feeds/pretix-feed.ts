import { maxPublishedEventBytes } from '../../domain/catalog-document.js';
import {
  maxSeatsPerSection,
  type PlanRow,
  type PlanSeat,
  type PlanSection,
  planSeatSchema,
} from '../../events/catalog-events.js';
import type { FeedOptions, ProblemList, RawFeed } from './feed.js';
import {
  isStandingText,
  type Point,
  pointOf,
  type ReadArea,
  readArea,
  roundCoordinate,
  stageOf,
  topMiddle,
} from './pretix-areas.js';
import { SeatWords } from './seat-words.js';
import { elementsIn, isObject, type JsonObject, labelOf, listOf, objectOf, textOf } from './values.js';

const add = (a: Point, b: Point): Point => ({ x: a.x + b.x, y: a.y + b.y });
const origin: Point = { x: 0, y: 0 };

/** What the seats of a plan are read with. */
interface Reading {
  readonly categories: Categories;
  readonly words: SeatWords;
  readonly problems: ProblemList;
}

/** One zone and its location in the feed. */
interface Zone {
  readonly record: string;
  readonly name: string;
  readonly value: JsonObject;
  readonly position: Point;
}

function readSeat(
  value: unknown,
  at: Point,
  record: string,
  /** Of its row and zone. */
  names: readonly string[],
  { categories, words, problems }: Reading,
): PlanSeat | undefined {
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
    category: categories.nameOf(textOf(value.category)),
    x: roundCoordinate(x),
    y: roundCoordinate(y),
  });
  if (seat.success) return words.read(seat.data, [seat.data.number, seat.data.category, ...names]);
  for (const { path, message } of seat.error.issues) {
    const names: Readonly<Record<string, string>> = { seatId: 'seat_guid', number: 'seat_number' };
    const field = String(path[0] ?? '');
    problems.add({ record, field: names[field] ?? field, reason: message, effect: 'skipped' });
  }
  return undefined;
}

/** What the plan editor replaces by the row's or the seat's number. */
const placeholder = '%s';

/**
 * The row's name: its number, else a label that is not a template such as "Row %s"; its index in the zone when neither
 * fits on a ticket.
 */
function rowLabel(row: JsonObject, index: number, record: string, problems: ProblemList): string {
  const template = labelOf(row.row_label);
  const isOpen = template?.includes(placeholder) ?? false;
  const label = labelOf(row.row_number) ?? (isOpen ? undefined : template);
  if (label !== undefined && label.length <= 20) return label;
  const reason =
    label !== undefined
      ? 'has a name longer than 20 characters'
      : isOpen
        ? `has no number for its label "${template}"`
        : 'has no name';
  problems.add({
    record,
    field: 'row_number',
    reason: `${reason}; called "${index + 1}"`,
    effect: 'changed',
  });
  return String(index + 1);
}

function readRow(value: unknown, zone: Zone, index: number, reading: Reading): PlanRow[] {
  const { problems, words } = reading;
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
  const names = [labelOf(value.row_number), labelOf(value.row_label), zone.name].filter(
    (name) => name !== undefined,
  );
  const seats = listOf(value.seats).flatMap((seat, seatIndex) => {
    const read = readSeat(seat, at, `${record}, seats[${seatIndex}]`, names, reading);
    return read === undefined ? [] : [read];
  });
  if (seats.length === 0) {
    problems.add({ record, field: 'seats', reason: 'has no seats that can be used', effect: 'skipped' });
    return [];
  }
  const label = rowLabel(value, index, record, problems);
  const ordered = words.withCompanions(inPhysicalOrder(seats), record, problems);
  return splitAtAisles(ordered).map((part) => ({ label, seats: part }));
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

const uuidPattern = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The names of categories: seats may refer to one by an id, and some editors write UUIDs as names. */
class Categories {
  private readonly names = new Map<string, string>();
  private readonly nameless = new Map<string, number>();

  /** @param listed the plan's own list of categories. */
  constructor(listed: readonly unknown[]) {
    for (const entry of listed) {
      const category = objectOf(entry);
      const keys = [category.name, category.id, category.uuid, category.category_id].map(labelOf);
      const texts = [category.name, category.label, category.title, category.display_name].map(textOf);
      const name = texts.find((text) => text !== undefined && !uuidPattern.test(text));
      for (const key of keys) if (key !== undefined && name !== undefined) this.names.set(key, name);
    }
  }

  /** The name of the category that a seat refers to. */
  nameOf(reference: string | undefined): string | undefined {
    if (reference === undefined) return undefined;
    const name = this.names.get(reference) ?? reference;
    if (uuidPattern.test(name)) this.nameless.set(name, (this.nameless.get(name) ?? 0) + 1);
    return name;
  }

  /** Reports the categories of which the plan gives no name but a UUID. */
  report(problems: ProblemList): void {
    for (const [category, seats] of this.nameless) {
      const record = `category "${category}" (seats: ${seats})`;
      const reason = 'has no name but a UUID: give the performance a price with a label for it';
      problems.add({ record, field: 'categories', reason, effect: 'changed' });
    }
  }
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

function zoneSections(zone: Zone, ids: SectionIds, reading: Reading): PlanSection[] {
  const rows = listOf(zone.value.rows).flatMap((row, index) => readRow(row, zone, index, reading));
  const sections = toSections(textOf(zone.value.zone_id) ?? zone.name, zone.name, rows, ids);
  const [first] = sections;
  if (first !== undefined && first.name !== zone.name.slice(0, 100).trim()) {
    const reason = `another section has this name; called "${first.name}"`;
    reading.problems.add({ record: zone.record, field: 'name', reason, effect: 'changed' });
  }
  return sections;
}

/**
 * The standing areas: those that the option names. Others that seem to be some are reported, since the format does not say
 * how many people they hold.
 * @returns undefined (and reports it) when the option names an area that the plan does not have.
 */
function standingSections(
  areas: readonly ReadArea[],
  capacities: Readonly<Record<string, number>>,
  ids: SectionIds,
  problems: ProblemList,
): PlanSection[] | undefined {
  const nameOf = ({ text }: ReadArea) => text?.normalize('NFC').trim();
  const names = new Set(areas.flatMap((area) => nameOf(area) ?? []));
  const wanted = new Map(
    Object.entries(capacities).map(([name, capacity]) => [name.normalize('NFC').trim(), capacity]),
  );
  for (const name of names) {
    if (wanted.has(name) || !isStandingText(name)) continue;
    const reason =
      'seems to be a standing area, and a pretix plan does not say how many people it holds: it is only drawn; the option standing gives its capacity';
    problems.add({ record: `area "${name}"`, field: 'areas', reason, effect: 'changed' });
  }
  const sections: PlanSection[] = [];
  for (const [name, capacity] of wanted) {
    const [area, ...others] = areas.filter((one) => nameOf(one) === name);
    if (!area) {
      const known =
        [...names]
          .slice(0, 20)
          .map((one) => `"${one}"`)
          .join(', ') || 'none';
      const reason = `no area of the plan has the text "${name}"; it has ${known}`;
      problems.add({ record: 'option standing', field: name, reason, effect: 'refused' });
      return undefined;
    }
    if (others.length > 0) {
      const reason = `${others.length + 1} areas have this text: they are sold as one, in the middle of the first`;
      problems.add({ record: `area "${name}"`, field: 'areas', reason, effect: 'changed' });
    }
    const standing = { category: name, capacity, ...area.centre };
    // Short enough for the ids of the places.
    sections.push({ sectionId: ids.next(name.slice(0, 50)), name: ids.nextName(name), rows: [], standing });
  }
  return sections;
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
export function readPretixFeed(
  value: unknown,
  feedProblems: ProblemList,
  options: FeedOptions,
): RawFeed | undefined {
  const name = isObject(value) ? textOf(value.name) : undefined;
  const problems = name === undefined ? feedProblems : feedProblems.about(name.slice(0, 200));
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
  const categories = new Categories(listOf(value.categories));
  const ids = new SectionIds();
  const words = new SeatWords();
  const seated = zones.flatMap((zone) => zoneSections(zone, ids, { categories, words, problems }));
  const areas = zones.flatMap((zone) => zoneAreas(zone, problems));
  const standing = standingSections(areas, options.standing ?? {}, ids, problems);
  if (standing === undefined) return undefined;
  const sections = [...seated, ...standing];
  const seats: Point[] = [
    ...seated.flatMap((section) => section.rows.flatMap((row) => row.seats)),
    ...standing.flatMap((section) => section.standing ?? []),
  ];
  if (seats.length === 0) {
    problems.add({
      record: 'plan',
      field: 'zones',
      reason: 'has no seats that can be used',
      effect: 'refused',
    });
    return undefined;
  }
  categories.report(problems);
  words.report(problems);
  const focus = stageOf(areas) ?? topMiddle(seats);
  if (stageOf(areas) === undefined && options.focus === undefined && focus !== undefined) {
    const reason =
      `no area is recognised as the stage: seats near the middle of the top edge (${roundCoordinate(focus.x)}, ` +
      `${roundCoordinate(focus.y)}) count as the best; the option focus gives another point`;
    problems.add({ record: 'plan', field: 'areas', reason, effect: 'changed' });
  }
  const venue = {
    id: name.slice(0, 200),
    name: name.slice(0, 300),
    location: '',
    focus,
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

/** Unique ids (at most 64 characters) and names (at most 100) of sections, made from the organiser's names. */
class SectionIds {
  private readonly ids: Taken = { texts: new Set(), copies: new Map() };
  private readonly names: Taken = { texts: new Set(), copies: new Map() };

  next(wanted: string): string {
    return unused(this.ids, wanted, 64, (copy) => `-${copy}`);
  }

  /** A ticket must tell two sections apart by their names. */
  nextName(wanted: string): string {
    return unused(this.names, wanted, 100, (copy) => ` (${copy})`);
  }
}

interface Taken {
  readonly texts: Set<string>;
  /** How many copies of a wanted text there are: thousands of zones may share a name. */
  readonly copies: Map<string, number>;
}

/** `wanted`, with the first suffix that makes it a text not yet taken. */
function unused(taken: Taken, wanted: string, length: number, suffixOf: (copy: number) => string): string {
  for (let copy = (taken.copies.get(wanted) ?? 0) + 1; ; copy++) {
    const suffix = copy === 1 ? '' : suffixOf(copy);
    const text = `${wanted.slice(0, length - suffix.length).trim()}${suffix}`;
    if (taken.texts.has(text)) continue;
    taken.texts.add(text);
    taken.copies.set(wanted, copy);
    return text;
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
  return groups.map((group) => ({ sectionId: ids.next(id), name: ids.nextName(name), rows: group }));
}

/** Splits a row that is too long into several with the same label. */
function shortRows(row: PlanRow): PlanRow[] {
  const parts = Math.ceil(row.seats.length / maxSeatsPerRow);
  return Array.from({ length: parts }, (_, part) => ({
    label: row.label,
    seats: row.seats.slice(part * maxSeatsPerRow, (part + 1) * maxSeatsPerRow),
  }));
}
