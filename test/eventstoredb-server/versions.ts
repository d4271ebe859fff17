/** What differs between versions of EventStoreDB in what subscriptions to $all are sent. */
export interface VersionRules {
  /** Whether the server reports to a subscription that it has caught up. */
  readonly sendsCaughtUp: boolean;
  /** Whether a subscription skips the first event at or after the requested position. */
  readonly skipsEventAtPlace: boolean;
  /**
   * The checkpoint at the end of a catch-up: none; that of the last event or checkpoint sent, and 2^64−1 where neither
   * was; where the last page began, which may be the end of the log; or the same, but for empty pages.
   */
  readonly checkpointAtEnd: 'none' | 'last-sent' | 'page' | 'filled-page';
  /** Whether events that a catch-up looked at count for the first live checkpoint. */
  readonly countsCatchUp: boolean;
  /** Whether live checkpoints all name the place where the catch-up ended. */
  readonly repeatsLivePlace: boolean;
  /** What a read from a position inside a record is answered. */
  readonly invalidPosition: 'Error' | 'InvalidPosition';
}

const enumerators2410: VersionRules = {
  sendsCaughtUp: true,
  skipsEventAtPlace: false,
  checkpointAtEnd: 'filled-page',
  countsCatchUp: false,
  repeatsLivePlace: false,
  invalidPosition: 'InvalidPosition',
};

/** From which version on which rules hold, the newest first. */
const rules: readonly (readonly [from: string, rules: VersionRules])[] = [
  ['25.0.1', enumerators2410],
  ['25.0.0', { ...enumerators2410, checkpointAtEnd: 'page' }],
  ['24.10.5', enumerators2410],
  ['24.2.0', { ...enumerators2410, checkpointAtEnd: 'last-sent' }],
  [
    '23.10.0',
    {
      sendsCaughtUp: true,
      skipsEventAtPlace: true,
      checkpointAtEnd: 'none',
      countsCatchUp: true,
      repeatsLivePlace: false,
      invalidPosition: 'Error',
    },
  ],
  [
    '0.0.0',
    {
      sendsCaughtUp: false,
      skipsEventAtPlace: true,
      checkpointAtEnd: 'none',
      countsCatchUp: true,
      repeatsLivePlace: true,
      invalidPosition: 'Error',
    },
  ],
];

/** @param version Three numbers with points between them. */
export function rulesOf(version: string): VersionRules {
  const found = rules.find(([from]) => compare(version, from) >= 0);
  if (found === undefined) throw new Error(`${version} is no version`);
  return found[1];
}

function compare(version: string, other: string): number {
  const numbers = other.split('.').map(Number);
  const differences = version.split('.').map((part, at) => Number(part) - (numbers[at] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}
