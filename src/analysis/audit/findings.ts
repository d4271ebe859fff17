import type { CheckCode } from './check-codes.js';
import type { CheckResult, EventRef, Finding } from './report.js';

/** Findings kept in full; more are counted. */
const maxFindings = 1_000;

/** Checks by their codes, in the order of the report: the invariant each guards and what holds when it is silent. */
export type CheckTable<Code extends string> = Readonly<
  Record<Code, readonly [invariant: string, meaning: string]>
>;

/** Counts what every check looked at and keeps what it found. */
export class Findings<Code extends string = CheckCode> {
  readonly kept: Finding<Code>[] = [];
  readonly #examined = new Map<Code, number>();
  readonly #found = new Map<Code, number>();
  count = 0;

  constructor(private readonly checks: CheckTable<Code>) {}

  /**
   * One fact examined by a check.
   * @param holds whether it is as it must be.
   * @param message what is wrong, asked for only when something is.
   * @param events the offending event first.
   */
  expect(code: Code, holds: boolean, message: () => string, ...events: readonly EventRef[]): void {
    this.#examined.set(code, (this.#examined.get(code) ?? 0) + 1);
    if (holds) return;
    this.count++;
    this.#found.set(code, (this.#found.get(code) ?? 0) + 1);
    if (this.kept.length < maxFindings) this.kept.push({ code, message: message(), events });
  }

  results(): CheckResult<Code>[] {
    const codes = Object.keys(this.checks) as Code[]; // the keys of the table and nothing else
    return codes.map((code) => {
      const [invariant, meaning] = this.checks[code];
      const examined = this.#examined.get(code) ?? 0;
      return { code, invariant, meaning, examined, findings: this.#found.get(code) ?? 0 };
    });
  }
}
