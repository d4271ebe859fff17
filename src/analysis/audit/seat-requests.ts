import { addMs } from '../../events/ids.js';
import type { AuditOptions, CheckGroup, Fact, Handlers } from './fact.js';
import type { Findings } from './findings.js';
import type { HoldEnds } from './hold-ends.js';
import { type SeatOwners, seatKey } from './seat-owners.js';
import { isOf, type Turns } from './turns.js';

/** Follows the seats that each turn asks for and gives back: they count against its limit in between. */
export class SeatRequests implements CheckGroup {
  constructor(
    private readonly findings: Findings,
    private readonly owners: SeatOwners,
    private readonly ends: HoldEnds,
    private readonly turns: Turns,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    SeatsRequested: (fact) => this.#request(fact),
    SeatsRequestRepeated: (fact) => this.#repeat(fact),
    SeatsReturned: (fact) => this.#return(fact),
  };

  #request({ data, at, ref }: Fact<'SeatsRequested'>): void {
    const { tokenId, holdId, scheduleId, seatIds, expiresAt } = data;
    const turn = this.turns.get(tokenId);
    const turnEnd = turn?.expiresAt;
    const isInside = turn?.status === 'entered' && isOf(turn, data) && turnEnd !== undefined;
    const isInTime = isInside && at < addMs(turnEnd, this.options.clockToleranceMs) && expiresAt <= turnEnd;
    const isItsPerformance = this.turns.performanceOf(scheduleId) === data.performanceId;
    this.findings.expect(
      'request-in-turn',
      isInTime && isItsPerformance && !turn?.holds.has(holdId),
      () =>
        `seats are requested at ${at} until ${expiresAt} in turn ${tokenId}, which is ${turn?.status ?? 'unknown'} until ${turnEnd}`,
      ref,
      ...(turn ? [turn.ref] : []),
    );
    if (!turn) return;
    const outstanding = new Set(seatIds);
    turn.holds.set(holdId, { scheduleId, expiresAt, asked: seatIds, outstanding, isRepeated: false });
    let seats = 0;
    for (const hold of turn.holds.values()) seats += hold.outstanding.size;
    this.findings.expect(
      'seat-limit-turn',
      seats <= turn.seatLimit,
      () => `turn ${tokenId} has ${seats} seats, allowed are ${turn.seatLimit}`,
      ref,
    );
  }

  #repeat({ data, ref }: Fact<'SeatsRequestRepeated'>): void {
    const turn = this.turns.get(data.tokenId);
    const hold = turn && isOf(turn, data) ? turn.holds.get(data.holdId) : undefined;
    const isWhole = hold !== undefined && hold.outstanding.size === hold.asked.length;
    this.findings.expect(
      'request-repeated',
      isWhole && !hold.isRepeated,
      () =>
        `a request goes on with hold ${data.holdId} of turn ${data.tokenId}, which has no such hold, not as a whole, or knows of it`,
      ref,
      ...(turn ? [turn.ref] : []),
    );
    if (hold) hold.isRepeated = true;
  }

  #return({ data, ref }: Fact<'SeatsReturned'>): void {
    const { tokenId, holdId, seatIds, reason } = data;
    const hold = this.turns.get(tokenId)?.holds.get(holdId);
    for (const seatId of seatIds) {
      const key = hold && seatKey({ scheduleId: hold.scheduleId, seatId });
      const owner = key === undefined ? undefined : this.owners.ownerOf(key);
      const isTheirs = owner?.hold?.holdId === holdId;
      const isSold = isTheirs && owner?.kind === 'reserved';
      this.findings.expect(
        'return-after-free',
        hold?.outstanding.has(seatId) === true && !isSold,
        () =>
          `seat ${seatId} of hold ${holdId} stops counting for turn ${tokenId}, it is ${isSold ? 'sold' : 'not counted'}`,
        ref,
      );
      const isOver = key !== undefined && this.ends.isOver(key, holdId);
      // The only run of a request knows what it has not taken when it loses a seat, and takes no more.
      const isNeverTaken = reason === 'conflict' && hold?.isRepeated === false && !isTheirs;
      this.findings.expect(
        'return-after-end',
        isOver || isNeverTaken,
        () =>
          `seat ${seatId} stops counting for turn ${tokenId}, and hold ${holdId} has it or may get it yet`,
        ref,
      );
      hold?.outstanding.delete(seatId);
    }
  }
}
