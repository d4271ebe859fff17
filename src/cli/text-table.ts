/** Columns of text under headings, padded to the widest cell as a terminal shows it; no spaces at line ends. */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) =>
    Math.max(...lines.map((line) => displayWidth(line[column] ?? ''))),
  );
  return lines
    .map((line) => {
      const cells = line.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - displayWidth(cell)));
      return `${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}

/** Columns a text takes: Hangul, kana and other full-width characters take two (Unicode UAX #11, simplified). */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text.normalize('NFC'))
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
        character,
      )
        ? 2
        : 1;
  return width;
}
