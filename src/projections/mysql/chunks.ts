import type { CellValue } from '../engine/table.js';

/** Values of one statement. */
const maxValues = 10_000;
/** Characters of one statement's text values: far below a `max_allowed_packet` of 16 MiB, however they are encoded. */
const maxCharacters = 1_000_000;

/** Rows in groups that one statement can carry; at least one row each. */
export function* chunksOf(
  rows: readonly (readonly CellValue[])[],
): Generator<readonly (readonly CellValue[])[]> {
  let chunk: (readonly CellValue[])[] = [];
  let values = 0;
  let characters = 0;
  for (const row of rows) {
    const rowCharacters = charactersOf(row);
    if (chunk.length > 0 && (values + row.length > maxValues || characters + rowCharacters > maxCharacters)) {
      yield chunk;
      chunk = [];
      values = 0;
      characters = 0;
    }
    chunk.push(row);
    values += row.length;
    characters += rowCharacters;
  }
  if (chunk.length > 0) yield chunk;
}

function charactersOf(row: readonly CellValue[]): number {
  let characters = 0;
  for (const cell of row) if (typeof cell === 'string') characters += cell.length;
  return characters;
}
