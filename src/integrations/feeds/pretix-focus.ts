import type { ReadArea } from './pretix-areas.js';
import type { Point } from './pretix-points.js';

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
];

/** Letters alone, in lower case: "S T A G E" is the stage too. */
const lettersOf = (text: string) =>
  text
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}]/gu, '');

const isStageWord = (text: string) => stageWords.includes(lettersOf(text));

/** Words of a longer text, e.g. of "Bühne Nord". */
const mentionsStage = (text: string) => text.split(/[^\p{L}]+/u).some(isStageWord);

/**
 * Where the audience looks: the middle of the area called stage. Rather one that is called just that; then a
 * shape whose text has the word; then a free-standing text with it, if there is but one (several, such as
 * "to the stage" at both sides, are signs). Without any, the middle of the plan's top edge, where plans are
 * usually drawn with the stage.
 */
export function focusOf(areas: readonly ReadArea[], seats: readonly Point[]): Point | undefined {
  const named = areas.filter((area) => area.text !== undefined);
  const exact = named.find((area) => isStageWord(area.text ?? ''));
  if (exact !== undefined) return exact.centre;
  const mentions = named.filter((area) => mentionsStage(area.text ?? ''));
  const shape = mentions.find((area) => !area.isPlainText);
  if (shape !== undefined) return shape.centre;
  if (mentions.length === 1) return mentions[0]?.centre;
  return topMiddle(seats);
}

function topMiddle(seats: readonly Point[]): Point | undefined {
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
