import type { RebuildProgress } from '../projections/rebuild/rebuild-record.js';
import type { Terminal } from './terminal.js';

const redrawEveryMs = 200;
const barWidth = 30;

const phases: Readonly<Record<RebuildProgress['phase'], string>> = {
  folding: 'reading the log',
  comparing: 'comparing rows',
  explaining: 'looking for the events behind the differences',
  swapping: 'swapping tables',
  waiting: 'waiting for open transactions that have used the tables',
  cleaning: 'dropping tables',
};

/** A line that shows how far a rebuild is, for who watches; scripts only want the result. */
export class RebuildProgressLine {
  #shownAt = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(private readonly terminal: Terminal) {}

  show(progress: RebuildProgress): void {
    const nowMs = performance.now();
    if (!this.terminal.isInteractive || nowMs - this.#shownAt < redrawEveryMs) return;
    this.#shownAt = nowMs;
    this.#isShown = true;
    this.terminal.err(`\r\x1b[K${progressText(progress)}`);
  }

  end(): void {
    if (this.#isShown) this.terminal.err('\r\x1b[K');
  }
}

/** One line: bar, share, rate, time left. */
export function progressText(progress: RebuildProgress): string {
  const { phase, position, target, events, eventsPerSecond, secondsLeft } = progress;
  const share = target > 0 ? Math.min(1, Math.max(0, position) / target) : 0;
  const full = Math.round(share * barWidth);
  const bar = `${'█'.repeat(full)}${'░'.repeat(barWidth - full)}`;
  const left = secondsLeft !== null ? `, ${secondsLeft} s left` : '';
  return `${bar} ${Math.floor(share * 100)} %  ${phases[phase]}: ${events} events, ${eventsPerSecond}/s${left}`;
}
