import type { VenueDocument } from '../../domain/catalog-document.js';
import type { PlanRow, PlanSection } from '../../events/catalog-events.js';
import { type SeatId, seatIdSchema } from '../../events/ids.js';
import type { SeatFeatures } from '../../events/seat-features.js';

/** Plan units are centimetres; the stage's front edge is the origin, the audience below it. */
const hallSeatPitchCm = 60;

/** Row letters: A for 0, B for 1, … Z for 25. */
const rowLetter = (index: number): string => String.fromCharCode(65 + index);

/** A seat id spelled like `F1-A-12`: section, row, number. */
function sampleSeatId(section: string, row: string, number: number): SeatId {
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
  const step = hallSeatPitchCm / (radius + behindStage);
  return {
    label,
    seats: Array.from({ length: seats }, (_, index) => {
      const angle = (index - (seats - 1) / 2) * step;
      const seatId = sampleSeatId(section, label, index + 1);
      return {
        seatId,
        number: String(index + 1),
        category,
        x: round((radius + behindStage) * Math.sin(angle)),
        y: round((radius + behindStage) * Math.cos(angle) - behindStage),
        ...hallFeatures.get(seatId),
      };
    }),
  };
}

/** At both ends of the last row of the stalls a wheelchair place with a companion's; the balcony's ends see less. */
const hallFeatures: ReadonlyMap<SeatId, SeatFeatures> = new Map([
  [sampleSeatId('1F', 'J', 1), { wheelchair: true }],
  [sampleSeatId('1F', 'J', 2), { companionOf: sampleSeatId('1F', 'J', 1) }],
  [sampleSeatId('1F', 'J', 15), { companionOf: sampleSeatId('1F', 'J', 16) }],
  [sampleSeatId('1F', 'J', 16), { wheelchair: true }],
  [sampleSeatId('2F', 'A', 1), { restrictedView: true }],
  [sampleSeatId('2F', 'A', 15), { restrictedView: true }],
]);

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
    timeZone: 'Asia/Seoul',
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

/** A club: 300 fans stand in front of the stage, and two rows of a balcony have 12 seats each. */
export function sampleClub(): VenueDocument {
  const rows = [0, 1].map((index) =>
    arcRow({
      section: 'B',
      label: rowLetter(index),
      category: 'BALCONY',
      seats: 12,
      radius: 1500 + index * 100,
    }),
  );
  const standing = { category: 'STANDING', capacity: 300, x: 0, y: 600 };
  return {
    id: 'wave-club',
    name: '파도 라이브클럽',
    names: { ko: '파도 라이브클럽', en: 'Wave Club' },
    location: '서울특별시 마포구 파도길 7',
    timeZone: 'Asia/Seoul',
    capacity: 324,
    focus: { x: 0, y: 0 },
    decorations: [
      { shape: 'rectangle', x: -300, y: -250, width: 600, height: 250, color: '#c9c2d6' },
      { shape: 'text', x: 0, y: -125, text: '무대 STAGE', color: '#3b3350' },
      { shape: 'rectangle', x: -500, y: 100, width: 1000, height: 1000, color: '#e4dff0' },
    ],
    sections: [
      { sectionId: 'standing', name: '스탠딩 · Standing', rows: [], standing },
      { sectionId: 'balcony', name: '발코니 · Balcony', rows },
    ],
  };
}

/**
 * An arena with an end stage. Plan units are centimetres; the origin is the middle of the stage's front edge.
 * The tiers are a horseshoe: straight along both sides, a half circle at the back; each row is an offset of it.
 */
const arenaSeatPitchCm = 55;
const rowPitchCm = 90;
const aisleCm = 130;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A row of `count` seats; `place` gives the point of the seat that stands `distance` cm from the row's middle. */
function seatRow(
  section: string,
  label: string,
  category: string,
  count: number,
  place: (distance: number) => Point,
): PlanRow {
  return {
    label,
    seats: Array.from({ length: count }, (_, index) => {
      const { x, y } = place((index - (count - 1) / 2) * arenaSeatPitchCm);
      return {
        seatId: sampleSeatId(section, label, index + 1),
        number: String(index + 1),
        category,
        x: round(x),
        y: round(y),
      };
    }),
  };
}

/** Floor blocks F1 … F9: three abreast, three deep; the front three are VIP. */
function floorBlock(index: number): PlanSection {
  const name = `F${index + 1}`;
  const [column, line] = [index % 3, Math.floor(index / 3)];
  const [rowCount, seatCount] = [18, 20];
  const centreX = (column - 1) * (seatCount * arenaSeatPitchCm + aisleCm);
  const top = 500 + line * (rowCount * rowPitchCm + aisleCm);
  const rows = Array.from({ length: rowCount }, (_, row) =>
    seatRow(name, rowLetter(row), line === 0 ? 'VIP' : 'R', seatCount, (distance) => {
      const x = centreX + distance;
      const radius = top + row * rowPitchCm + 6000;
      // Bent around a point far behind the stage.
      return { x, y: Math.sqrt(radius ** 2 - x ** 2) - 6000 };
    }),
  );
  return { sectionId: name, name, rows };
}

interface Tier {
  readonly firstName: number;
  readonly rowCount: number;
  /** From the arena's long axis to the first row of a side. */
  readonly halfWidthCm: number;
  readonly sideCm: number;
  readonly sideBlocks: number;
  readonly backBlocks: number;
  /** By block, 0 at the stage's left. */
  readonly category: (block: number, blocks: number) => string;
}

/** The point `along` cm from the left end of the horseshoe whose sides stand `radius` cm from the axis. */
function horseshoe(sideCm: number, radius: number, along: number): Point {
  const top = 300;
  const arc = Math.PI * radius;
  if (along <= sideCm) return { x: -radius, y: top + along };
  if (along >= sideCm + arc) return { x: radius, y: top + sideCm - (along - sideCm - arc) };
  const angle = (along - sideCm) / radius;
  return { x: -radius * Math.cos(angle), y: top + sideCm + radius * Math.sin(angle) };
}

/** Where block `block` begins and ends along a row, in cm. Only the blocks at the back grow with the radius. */
function blockSpan(tier: Tier, radius: number, block: number): { from: number; to: number } {
  const sideStep = tier.sideCm / tier.sideBlocks;
  const backStep = (Math.PI * radius) / tier.backBlocks;
  const start = (index: number) =>
    Math.min(index, tier.sideBlocks) * sideStep +
    Math.min(Math.max(index - tier.sideBlocks, 0), tier.backBlocks) * backStep +
    Math.max(index - tier.sideBlocks - tier.backBlocks, 0) * sideStep;
  return { from: start(block), to: start(block + 1) };
}

function tierBlocks(tier: Tier): PlanSection[] {
  const blocks = tier.sideBlocks * 2 + tier.backBlocks;
  return Array.from({ length: blocks }, (_, block) => {
    const name = String(tier.firstName + block);
    const rows = Array.from({ length: tier.rowCount }, (_unused, row) => {
      const radius = tier.halfWidthCm + row * rowPitchCm;
      const { from, to } = blockSpan(tier, radius, block);
      const count = Math.floor((to - from - aisleCm) / arenaSeatPitchCm);
      const middle = (from + to) / 2;
      return seatRow(name, rowLetter(row), tier.category(block, blocks), count, (distance) =>
        horseshoe(tier.sideCm, radius, middle + distance),
      );
    });
    return { sectionId: name, name, rows };
  });
}

/** An arena of about 15,000 seats: nine floor blocks, a lower tier from 101 and an upper tier from 201. */
export function sampleArena(): VenueDocument {
  const lower = tierBlocks({
    firstName: 101,
    rowCount: 20,
    halfWidthCm: 2300,
    sideCm: 4200,
    sideBlocks: 3,
    backBlocks: 8,
    // Beside the stage fans look at it sideways: the middle blocks cost more.
    category: (block, blocks) => (block === 0 || block === blocks - 1 ? 'S' : 'R'),
  });
  const upper = tierBlocks({
    firstName: 201,
    rowCount: 14,
    halfWidthCm: 4500,
    sideCm: 4200,
    sideBlocks: 3,
    backBlocks: 10,
    category: (block, blocks) => (block < 3 || block >= blocks - 3 ? 'A' : 'S'),
  });
  const sections = [...Array.from({ length: 9 }, (_, index) => floorBlock(index)), ...lower, ...upper];
  return {
    id: 'river-arena',
    name: '한강아레나',
    names: { ko: '한강아레나', en: 'Han River Arena' },
    location: '서울특별시 영등포구 강변로 300',
    timeZone: 'Asia/Seoul',
    capacity: sections.flatMap((section) => section.rows).reduce((sum, row) => sum + row.seats.length, 0),
    focus: { x: 0, y: 0 },
    decorations: [
      { shape: 'rectangle', x: -1800, y: -1200, width: 3600, height: 1200, color: '#c9c2d6' },
      { shape: 'text', x: 0, y: -600, text: '무대 STAGE', color: '#3b3350' },
    ],
    sections,
  };
}
