import type { Migration } from 'typeorm';

/** What migrating has done. */
export interface MigrationOutcome {
  /** Run now, oldest first. */
  readonly applied: readonly string[];
  /** Had been run before, oldest first. */
  readonly present: readonly string[];
}

/** The outcome, from what was there before and what was run now. */
export function migrationOutcome(
  executedBefore: readonly Migration[],
  executedNow: readonly Migration[],
): MigrationOutcome {
  const namesByAge = (migrations: readonly Migration[]) =>
    migrations.toSorted((a, b) => a.timestamp - b.timestamp).map(({ name }) => name);
  return { applied: namesByAge(executedNow), present: namesByAge(executedBefore) };
}
