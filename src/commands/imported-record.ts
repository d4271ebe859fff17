/** What a record of the feed became. */
export interface ImportedRecord {
  readonly kind: 'venue' | 'performance' | 'schedule';
  /** The organiser's id, and ours. */
  readonly externalId: string;
  readonly id: string;
  readonly name: string;
  readonly outcome: 'published' | 'revised' | 'unchanged' | 'skipped';
  /** Why a record was skipped. */
  readonly reason?: string;
}

/** What publishing came to: `changes` events appended, after `before` was published (or nothing was). */
export function outcomeOf(changes: number, before: unknown): 'published' | 'revised' | 'unchanged' {
  if (changes === 0) return 'unchanged';
  return before === undefined ? 'published' : 'revised';
}
