/** Where fans are on their way, in the order of the display. */
export const stages = ['registering', 'ready', 'waiting', 'choosing', 'holding', 'paying', 'done'] as const;
export type Stage = (typeof stages)[number];

/** How a fan's visit ended. */
export type Ending =
  | 'bought'
  | 'cancelled the order'
  | 'found nothing left'
  | 'let the hold lapse'
  | 'left the queue'
  | 'lost the turn'
  | 'failed';

/** Refusals a fair on-sale brings with it; any other code means that something is wrong. */
const expectedCodes: ReadonlySet<string> = new Set([
  'seat-held',
  'seat-reserved',
  'seat-taken',
  'no-seats-available',
  'hold-lapsed',
  'hold-ended',
  'payment-declined',
  'insufficient-points',
  'queue-full',
  'seat-limit-reached',
  'token-ended',
  'too-many-requests',
  'busy',
  'unavailable',
  'read-model-behind',
  'idempotency-key-in-flight',
]);

/** Everything the demo counts while it runs. */
export class Tally {
  readonly stages = new Map<Stage, number>();
  readonly endings = new Map<Ending, number>();
  /** HTTP refusals by problem code. */
  readonly refusals = new Map<string, number>();
  /** Milliseconds from joining the queue to being let in, one for each fan. */
  readonly waitsMs: number[] = [];
  readonly surprises: string[] = [];
  requests = 0;
  seatsSold = 0;
  seatsGivenBack = 0;
  holdsLapsed = 0;
  holdsReleased = 0;
  pointsCharged = 0;
  pointsSpent = 0;
  pointsRefunded = 0;

  move(from: Stage | undefined, to: Stage): void {
    if (from !== undefined) this.stages.set(from, (this.stages.get(from) ?? 0) - 1);
    this.stages.set(to, (this.stages.get(to) ?? 0) + 1);
  }

  end(ending: Ending): void {
    this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1);
  }

  /** Counts a temporary refusal: the request is repeated. */
  countRefusal(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  refuse(code: string, where: string, detail: string): void {
    this.countRefusal(code);
    if (!expectedCodes.has(code)) this.surprise(`${where} was refused: ${code}: ${detail}`);
  }

  /** Something that must not happen: the demo is not clean. The first twenty are kept. */
  surprise(what: string): void {
    if (this.surprises.length < 20) this.surprises.push(what);
  }

  /** Conflicts over seats: somebody else was faster. */
  get conflicts(): number {
    return ['seat-held', 'seat-reserved', 'seat-taken'].reduce(
      (sum, code) => sum + (this.refusals.get(code) ?? 0),
      0,
    );
  }
}

/** The value below which a share of the values lie (nearest rank); undefined without values. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
