import type { z } from 'zod';
import { decorationSchema } from '../../events/catalog-events.js';
import type { ProblemList } from './feed.js';
import { type JsonObject, numberOf, objectOf, textOf } from './values.js';

type Decoration = z.infer<typeof decorationSchema>;

/** A shape of the plan, with its label if it has one. */
export interface ReadArea {
  readonly decorations: readonly Decoration[];
  readonly text: string | undefined;
  readonly isPlainText: boolean;
  readonly centre: Point;
}

const listPoints = (value: unknown): Point[] =>
  (Array.isArray(value) ? value : []).flatMap((entry) => {
    const point = pointOf(entry);
    return point === undefined ? [] : [{ x: roundCoordinate(point.x), y: roundCoordinate(point.y) }];
  });

/** Width, height and points of an area, by its shape; and its centre relative to its position. */
function geometry(area: JsonObject, shape: string): { fields: JsonObject; centre: Point } | undefined {
  if (shape === 'rectangle') {
    // Plans of the first schema version write width and height on the area itself.
    const size = area.rectangle === undefined ? area : objectOf(area.rectangle);
    const [width, height] = [numberOf(size.width), numberOf(size.height)];
    if (width === undefined || height === undefined) return undefined;
    return { fields: { width, height }, centre: { x: width / 2, y: height / 2 } };
  }
  if (shape === 'circle') {
    const radius = numberOf(objectOf(area.circle).radius);
    if (radius === undefined) return undefined;
    return { fields: { width: radius * 2, height: radius * 2 }, centre: { x: 0, y: 0 } };
  }
  if (shape === 'ellipse') {
    const radius = pointOf(objectOf(area.ellipse).radius);
    if (radius === undefined) return undefined;
    return { fields: { width: radius.x * 2, height: radius.y * 2 }, centre: { x: 0, y: 0 } };
  }
  if (shape === 'polygon') {
    const points = listPoints(objectOf(area.polygon).points);
    if (points.length < 3) return undefined;
    const middle = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return {
      fields: { points },
      centre: { x: middle(points.map(({ x }) => x)), y: middle(points.map(({ y }) => y)) },
    };
  }
  return shape === 'text' ? { fields: {}, centre: { x: 0, y: 0 } } : undefined;
}

/** `point` turned by `degrees` (clockwise, as y grows downwards) around the origin. */
function turned(point: Point, degrees: number): Point {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return { x: point.x * cos - point.y * sin, y: point.x * sin + point.y * cos };
}

interface Placed {
  readonly area: JsonObject;
  readonly shape: string;
  readonly fields: JsonObject;
  /** Absolute. */
  readonly at: Point;
  readonly rotation: number;
  readonly text: string | undefined;
}

/** The area's shape (unless it is only text), then its text, both in absolute coordinates and not yet validated. */
function drawn({ area, shape, fields, at, rotation, text }: Placed): JsonObject[] {
  const turn = rotation === 0 ? {} : { rotation };
  const fill = textOf(area.color);
  const ink = textOf(objectOf(area.text).color) ?? (shape === 'text' ? fill : undefined);
  const offset = turned(pointOf(objectOf(area.text).position) ?? { x: 0, y: 0 }, rotation);
  const body = {
    shape,
    x: roundCoordinate(at.x),
    y: roundCoordinate(at.y),
    ...fields,
    ...turn,
    ...(fill && { color: fill }),
  };
  const label = {
    shape: 'text',
    x: roundCoordinate(at.x + offset.x),
    y: roundCoordinate(at.y + offset.y),
    ...turn,
    ...(ink && { color: ink }),
    text,
  };
  return [...(shape === 'text' ? [] : [body]), ...(text === undefined ? [] : [label])];
}

/**
 * Reads one area of a pretix plan.
 * @param zone the position of its zone, to which its own is added
 * @returns undefined (and reports it) when it cannot be drawn
 */
export function readArea(
  area: JsonObject,
  zone: Point,
  record: string,
  problems: ProblemList,
): ReadArea | undefined {
  const shape = textOf(area.shape) ?? 'rectangle';
  const position = pointOf(area.position);
  const form = geometry(area, shape);
  if (position === undefined || form === undefined) {
    const reason = position === undefined ? 'has no position' : `cannot be drawn as ${shape}`;
    problems.add({ record, reason, effect: 'skipped' });
    return undefined;
  }
  const rotation = numberOf(area.rotation) ?? 0;
  const text = textOf(objectOf(area.text).text) ?? textOf(area.text);
  const at = { x: position.x + zone.x, y: position.y + zone.y };
  const decorations = drawn({ area, shape, fields: form.fields, at, rotation, text }).flatMap(
    (shapeToDraw) => {
      const checked = decorationSchema.safeParse(shapeToDraw);
      if (checked.success) return [checked.data];
      const [issue] = checked.error.issues;
      problems.add({
        record,
        field: issue?.path.join('.') ?? '',
        reason: issue?.message ?? 'is not valid',
        effect: 'skipped',
      });
      return [];
    },
  );
  const centre = turned(form.centre, rotation);
  return {
    decorations,
    text,
    isPlainText: shape === 'text',
    centre: { x: roundCoordinate(at.x + centre.x), y: roundCoordinate(at.y + centre.y) },
  };
}

const stageWords = [
  'stage',
  'mainstage',
  'bühne',
  'hauptbühne',
  'podium',
  'panggung',
  '무대',
  'screen',
  'leinwand',
  '스크린',
  '舞台',
  'ステージ',
  'escenario',
  'scène',
  'scena',
  'сцена',
  // Of a sports hall: the audience looks at the middle of the court.
  'court',
  'pitch',
  'spielfeld',
  '코트',
];

/** Only the letters, in lower case: "S T A G E" is a stage too. */
const lettersOf = (text: string) =>
  text
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}]/gu, '');

const isStageWord = (text: string) => stageWords.includes(lettersOf(text));

/** Words of a longer text, e.g. of "Bühne Nord". */
const mentionsStage = (text: string) => text.split(/[^\p{L}]+/u).some(isStageWord);

/**
 * The point the audience looks at: the middle of the stage. In this order: an area whose text is just such a word; a
 * shape whose text has the word; a free-standing text with it, if there is only one (several, such as "to the stage"
 * on both sides, are signs). Undefined when no stage is recognised.
 */
export function stageOf(areas: readonly ReadArea[]): Point | undefined {
  const named = areas.filter((area) => area.text !== undefined);
  const exact = named.find((area) => isStageWord(area.text ?? ''));
  if (exact !== undefined) return exact.centre;
  const mentions = named.filter((area) => mentionsStage(area.text ?? ''));
  const shape = mentions.find((area) => !area.isPlainText);
  if (shape !== undefined) return shape.centre;
  return mentions.length === 1 ? mentions[0]?.centre : undefined;
}

/** Words of a standing area in the languages of the plans that are known. */
const standingWords = ['standing', 'stehplatz', 'stehplätze', 'stehparkett', '스탠딩', '스탠딩석', '입석'];

/** Whether the text of an area says that people stand there. */
export const isStandingText = (text: string): boolean =>
  lettersOf(text) === 'generaladmission' ||
  text.split(/[^\p{L}]+/u).some((word) => standingWords.includes(lettersOf(word)));

/** The middle of the seats' top edge. */
export function topMiddle(seats: readonly Point[]): Point | undefined {
  const [first] = seats;
  if (first === undefined) return undefined;
  let [left, right, top] = [first.x, first.x, first.y];
  for (const { x, y } of seats) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
  }
  return { x: (left + right) / 2, y: top };
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Larger coordinates are not of a seating plan, and their sums would lose the fractions that separate seats. */
const furthest = 1e7;

/** `{x, y}` of two finite numbers no larger than ten million, or undefined. */
export function pointOf(value: unknown): Point | undefined {
  const { x, y } = objectOf(value);
  const [across, down] = [numberOf(x), numberOf(y)];
  if (across === undefined || down === undefined) return undefined;
  return Math.max(Math.abs(across), Math.abs(down)) > furthest ? undefined : { x: across, y: down };
}

/** Rounds to a hundredth of a plan unit, finer than any screen shows; keeps a plan's events small. */
export const roundCoordinate = (value: number): number => Math.round(value * 100) / 100;
