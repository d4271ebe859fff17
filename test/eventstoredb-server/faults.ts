/** What happens to one append. */
export type AppendFault =
  /** Never answered, not written. */
  | 'hang'
  /** Never answered, not written, and neither is whatever else comes on the same call. */
  | 'hang-call'
  /** Written, never answered. */
  | 'commit-then-hang'
  /** The server dies first. */
  | 'kill'
  /** Written; the server dies before it answers. */
  | 'commit-then-kill'
  /** Written; the connection breaks before the answer. */
  | 'commit-then-disconnect'
  /** Written; the answer says that the server does not know. */
  | 'commit-then-timeout'
  /** Not written; the answer says that the server does not know. */
  | 'timeout'
  /** The whole call ends, with status OK. */
  | 'end-call'
  /** The call fails: the server is not ready. */
  | 'unavailable'
  /** The call fails: another node is the leader. */
  | 'not-leader'
  /** Answered with a wrong correlation id, and not written. */
  | 'stray-answer';

export interface FaultPlan {
  /** For the coming appends, one each, in order. */
  readonly appends?: readonly AppendFault[];
  /** Time between an append's arrival and its handling. */
  readonly appendDelayMs?: number;
  /** Every subscription opened from now on breaks after so many events. */
  readonly dropSubscriptionsAfterEvents?: number;
  /** Subscriptions stay open and silent, the existing ones too. */
  readonly muteSubscriptions?: boolean;
  /** Subscriptions begin with the event at their position, not behind it. */
  readonly repeatOnSubscribe?: boolean;
  /** Reads are not answered. */
  readonly hangReads?: boolean;
  /** A filtered read of $all takes so long for every 100 events it looks at. */
  readonly searchMsPer100?: number;
  /** Time between a subscription's arrival and its beginning. */
  readonly subscriptionDelayMs?: number;
  /** Filtered subscriptions get checkpoints at random places, behind so many of the events looked at (0 … 1). */
  readonly wildCheckpoints?: { readonly seed: number; readonly share: number };
  /** Random faults for so many of the coming appends, from a seed. */
  readonly storm?: { readonly seed: number; readonly share: number; readonly kinds: readonly AppendFault[] };
}

/** The plan of faults, set by tests. */
export class Faults {
  private plan: FaultPlan = {};
  private appends: AppendFault[] = [];
  private randomState = 1;

  /** Replaces everything planned before. */
  set(plan: FaultPlan): void {
    this.plan = plan;
    this.appends = [...(plan.appends ?? [])];
    this.randomState = plan.storm?.seed ?? plan.wildCheckpoints?.seed ?? 1;
  }

  get appendDelayMs(): number {
    return this.plan.appendDelayMs ?? 0;
  }

  get dropSubscriptionsAfterEvents(): number {
    return this.plan.dropSubscriptionsAfterEvents ?? Number.POSITIVE_INFINITY;
  }

  get areSubscriptionsMute(): boolean {
    return this.plan.muteSubscriptions === true;
  }

  get doSubscriptionsRepeat(): boolean {
    return this.plan.repeatOnSubscribe === true;
  }

  get doReadsHang(): boolean {
    return this.plan.hangReads === true;
  }

  get searchMsPer100(): number {
    return this.plan.searchMsPer100 ?? 0;
  }

  get subscriptionDelayMs(): number {
    return this.plan.subscriptionDelayMs ?? 0;
  }

  /** Whether a checkpoint at a random place is due. */
  isWild(): boolean {
    const { wildCheckpoints } = this.plan;
    return wildCheckpoints !== undefined && this.random() < wildCheckpoints.share;
  }

  /** A random whole number below another. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** The fault of the append that has just arrived. */
  forNextAppend(): AppendFault | undefined {
    const planned = this.appends.shift();
    const { storm } = this.plan;
    if (planned !== undefined || storm === undefined) return planned;
    if (this.random() >= storm.share) return undefined;
    return storm.kinds[Math.floor(this.random() * storm.kinds.length)];
  }

  /** mulberry32: a small generator that is the same everywhere for one seed; 0 … 1. */
  private random(): number {
    this.randomState = (this.randomState + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.randomState ^ (this.randomState >>> 15), 1 | this.randomState);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }
}
