import { maxEventBytes } from '../../domain/catalog-document.js';
import { maxSeatsPerSection, type PlanRow, type PlanSection } from '../../events/catalog-events.js';

const maxRows = 1000;
const maxSeatsPerRow = 1000;
/** Bytes kept free for the section's own name and id. */
const headerBytes = 2000;

/** Unique section ids of at most 64 characters, made from the organiser's names. */
export class SectionIds {
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
export function toSections(
  id: string,
  name: string,
  rows: readonly PlanRow[],
  ids: SectionIds,
): PlanSection[] {
  const groups: PlanRow[][] = [];
  let [seats, bytes] = [0, 0];
  for (const row of rows.flatMap(shortRows)) {
    const rowBytes = Buffer.byteLength(JSON.stringify(row)) + 1;
    const group = groups.at(-1);
    seats += row.seats.length;
    bytes += rowBytes;
    const fits = seats <= maxSeatsPerSection && bytes <= maxEventBytes - headerBytes;
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

/** A row longer than a row may be, cut into several of its label. */
function shortRows(row: PlanRow): PlanRow[] {
  const parts = Math.ceil(row.seats.length / maxSeatsPerRow);
  return Array.from({ length: parts }, (_, part) => ({
    label: row.label,
    seats: row.seats.slice(part * maxSeatsPerRow, (part + 1) * maxSeatsPerRow),
  }));
}
