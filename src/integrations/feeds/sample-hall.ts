import type { VenueDocument } from '../../domain/catalog-document.js';
import type { PlanRow, PlanSection } from '../../events/catalog-events.js';
import { type SeatId, seatIdSchema } from '../../events/ids.js';

/** Plan units are centimetres; the stage's front edge is the origin, the audience below it. */
const seatPitchCm = 60;

/** Row letters: A for 0, B for 1, … Z for 25. */
export const rowLetter = (index: number): string => String.fromCharCode(65 + index);

/** A seat id spelled like `F1-A-12`: section, row, number. */
export function sampleSeatId(section: string, row: string, number: number): SeatId {
  return seatIdSchema.parse(`${section}-${row}-${number}`);
}

const round = (value: number) => Math.round(value * 10) / 10;

interface ArcRow {
  readonly section: string;
  readonly label: string;
  readonly category: string;
  readonly seats: number;
  /** Distance from the middle of the stage's front, in plan units. */
  readonly radius: number;
}

/** A row bent around the middle of the stage: every seat of it is `radius` away. */
function arcRow({ section, label, category, seats, radius }: ArcRow): PlanRow {
  // The centre of the circle stands well behind the stage, so that rows are bent gently.
  const behindStage = 900;
  const step = seatPitchCm / (radius + behindStage);
  return {
    label,
    seats: Array.from({ length: seats }, (_, index) => {
      const angle = (index - (seats - 1) / 2) * step;
      return {
        seatId: sampleSeatId(section, label, index + 1),
        number: String(index + 1),
        category,
        x: round((radius + behindStage) * Math.sin(angle)),
        y: round((radius + behindStage) * Math.cos(angle) - behindStage),
      };
    }),
  };
}

function stalls(): PlanSection {
  const rows = Array.from({ length: 10 }, (_, index) =>
    arcRow({
      section: '1F',
      label: rowLetter(index),
      category: index < 5 ? 'R' : 'S',
      seats: 12 + Math.floor(index / 2),
      radius: 300 + index * 95,
    }),
  );
  return { sectionId: '1F', name: '1층 · Stalls', rows };
}

function balcony(): PlanSection {
  const rows = Array.from({ length: 4 }, (_, index) =>
    arcRow({ section: '2F', label: rowLetter(index), category: 'A', seats: 15, radius: 1450 + index * 100 }),
  );
  return { sectionId: '2F', name: '2층 · Balcony', rows };
}

/** A small hall of 200 seats: ten rows of stalls and a balcony of four. */
export function sampleHall(): VenueDocument {
  return {
    id: 'moonlight-hall',
    name: '달빛소극장',
    names: { ko: '달빛소극장', en: 'Moonlight Hall' },
    location: '서울특별시 마포구 달빛로 12',
    capacity: 200,
    focus: { x: 0, y: 0 },
    decorations: [
      { shape: 'rectangle', x: -350, y: -250, width: 700, height: 250, color: '#c9c2d6' },
      { shape: 'text', x: 0, y: -125, text: '무대 STAGE', color: '#3b3350' },
      { shape: 'rectangle', x: -560, y: 1330, width: 1120, height: 20, color: '#c9c2d6' },
    ],
    sections: [stalls(), balcony()],
  };
}
