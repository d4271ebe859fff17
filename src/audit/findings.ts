import { type CheckCode, checkCodes, checks } from './check-codes.js';
import type { CheckResult, EventRef, Finding } from './report.js';

/** Findings kept in full; more are counted. */
const maxFindings = 1_000;

/** Counts what every check looked at and keeps what it found. */
export class Findings {
  readonly kept: Finding[] = [];
  readonly #examined = new Map<CheckCode, number>();
  readonly #found = new Map<CheckCode, number>();
  count = 0;

  /**
   * One fact examined by a check.
   * @param holds whether it is as it must be.
   * @param message what is wrong, asked for only when something is.
   * @param events the offending event first.
   */
  expect(code: CheckCode, holds: boolean, message: () => string, ...events: readonly EventRef[]): void {
    this.#examined.set(code, (this.#examined.get(code) ?? 0) + 1);
    if (holds) return;
    this.count++;
    this.#found.set(code, (this.#found.get(code) ?? 0) + 1);
    if (this.kept.length < maxFindings) this.kept.push({ code, message: message(), events });
  }

  results(): CheckResult[] {
    return checkCodes.map((code) => {
      const [invariant, meaning] = checks[code];
      const examined = this.#examined.get(code) ?? 0;
      return { code, invariant, meaning, examined, findings: this.#found.get(code) ?? 0 };
    });
  }
}
