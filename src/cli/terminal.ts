import { exitCodes } from './command.js';

/** A command's environment and output: results go to `out`, everything else to `err`. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  /** Whether `err` is a terminal, where lines may be redrawn. */
  readonly isInteractive: boolean;
}

/** The process's own terminal. */
export const processTerminal: Terminal = {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isInteractive: process.stderr.isTTY === true,
};

/** Aborts at the first SIGINT or SIGTERM; the second one ends the process. */
export function stopOnSignal(): { readonly signal: AbortSignal; ignore(): void } {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return { signal: controller.signal, ignore: () => process.off('SIGINT', stop).off('SIGTERM', stop) };
}

/** A table of text, padded to the widest cell as a terminal shows it, without spaces at line ends. */
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

/** A number with its noun, and what follows it: `1 seal is`, `15,000 seals are`. */
export function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
