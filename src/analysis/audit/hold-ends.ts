import type { HoldId } from '../../events/ids.js';
import type { CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import { type SeatOwners, seatKey } from './seat-owners.js';

/** Why a hold can't have a seat any more. */
type End = 'ended' | 'barred';

/** Follows which holds are over for each seat: none of them comes back. Other checks look that up here. */
export class HoldEnds implements CheckGroup {
  readonly #ends = new Map<string, Map<HoldId, End>>();

  constructor(
    private readonly findings: Findings,
    private readonly owners: SeatOwners,
  ) {}

  readonly on: Handlers = {
    SeatHeld: (fact) => this.#expectNew(fact),
    SeatHoldReleased: ({ data }) => this.#add(seatKey(data), data.holdId, 'ended'),
    SeatHoldExpired: ({ data }) => this.#add(seatKey(data), data.holdId, 'ended'),
    SeatReserved: ({ data }) => this.#add(seatKey(data), data.holdId, 'ended'),
    SeatHoldBarred: (fact) => this.#bar(fact),
  };

  /** Whether a hold has ended on a seat (by {@link seatKey}), or is barred from it. */
  isOver(key: string, holdId: HoldId): boolean {
    return this.#ends.get(key)?.has(holdId) === true;
  }

  #expectNew({ data, ref }: Fact<'SeatHeld'>): void {
    const { seatId, holdId } = data;
    const end = this.#ends.get(seatKey(data))?.get(holdId);
    this.findings.expect(
      'hold-ends-once',
      end !== 'ended',
      () => `hold ${holdId} of seat ${seatId} came back after it had ended`,
      ref,
    );
    this.findings.expect(
      'barred-stays-out',
      end !== 'barred',
      () => `seat ${seatId} is held by hold ${holdId}, which it had barred`,
      ref,
    );
  }

  #bar({ data, ref }: Fact<'SeatHoldBarred'>): void {
    const { seatId, holdId } = data;
    const key = seatKey(data);
    const isTheirs = this.owners.ownerOf(key)?.hold?.holdId === holdId;
    this.findings.expect(
      'hold-barred',
      !isTheirs && !this.isOver(key, holdId),
      () => `seat ${seatId} bars hold ${holdId}, which ${isTheirs ? 'has it' : 'is over for it'}`,
      ref,
    );
    this.#add(key, holdId, 'barred');
  }

  #add(key: string, holdId: HoldId, end: End): void {
    const ends = this.#ends.get(key) ?? new Map<HoldId, End>();
    this.#ends.set(key, ends.set(holdId, end));
  }
}
