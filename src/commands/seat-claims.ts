import { Injectable } from '@nestjs/common';
import { tokenDecider } from '../domain/token/token.js';
import { isWhole, type TokenHold } from '../domain/token/token-state.js';
import type { HoldId, ScheduleId, SeatId } from '../events/ids.js';
import { streams } from '../events/streams.js';
import { type CommandContext, stepContext } from './command-context.js';
import { Executor } from './execute.js';
import { HoldEnder } from './hold-ender.js';
import type { QueuePass } from './queue-pass.js';
import { QueueTurn } from './queue-turn.js';
import { Rejected, refuse } from './rejected.js';

/** What is claimed against the fan's limit. */
export interface SeatClaim {
  readonly holdId: HoldId;
  readonly scheduleId: ScheduleId;
  readonly seatIds: readonly SeatId[];
  readonly request: TokenHold['request'];
  readonly holdTtlMs: number;
}

/** Claims seats against a fan's limit before any is taken, and looks whether the claim held when all are. */
@Injectable()
export class SeatClaims {
  constructor(
    private readonly executor: Executor,
    private readonly turn: QueueTurn,
    private readonly holds: HoldEnder,
  ) {}

  /**
   * Claims the seats, or finds the claim of an earlier run of the same command: that one may have crashed, or it may
   * be taking the seats at this moment.
   * @returns the hold as it was claimed first, perhaps of other seats.
   * @throws {Rejected} token-waiting, token-ended, seat-limit-reached, hold-ended, idempotency-key-reused, busy
   */
  async claim(pass: QueuePass, claim: SeatClaim, context: CommandContext): Promise<TokenHold> {
    const stream = streams.token(pass.tokenId);
    const known = await this.executor.load(tokenDecider, stream);
    const hasEntered = known.state.kind === 'entered';
    const admission = hasEntered ? undefined : await this.turn.admissionOf(pass.performanceId, pass.number);
    const request = { kind: 'request-seats', ...claim, admission } as const;
    const attempt = () => this.executor.execute(tokenDecider, stream, request, context);
    let claimed = await attempt();
    if (claimed.kind === 'rejected' && claimed.rejection.code === 'seat-limit-reached') {
      // Holds that lapsed may not have been given back yet: time has passed, so they no longer count.
      const returned = await this.holds.giveBackLapsed(pass.tokenId, stepContext(context, 'lapsed'));
      if (returned) claimed = await attempt();
    }
    if (claimed.kind === 'rejected') throw new Rejected(claimed.rejection);
    const { holdId } = claim;
    const hold = claimed.state.kind === 'none' ? undefined : claimed.state.holds.get(holdId);
    if (!hold) throw refuse('busy', 'The hold could not be recorded: try again.');
    const isFirst = claimed.events.some(({ type }) => type === 'SeatsRequested');
    if (!isFirst) await this.#goOn(pass, holdId, hold, context);
    return hold;
  }

  /** A run that takes seats under a claim it did not make says so first: see HoldEnder.giveBack. */
  async #goOn(pass: QueuePass, holdId: HoldId, hold: TokenHold, context: CommandContext): Promise<void> {
    if (!(await this.holds.isInProgress(hold, holdId))) return; // nothing is left to take
    const repeat = { kind: 'repeat-request', holdId } as const;
    const step = stepContext(context, holdId, 'repeated');
    await this.executor.executeOrThrow(tokenDecider, streams.token(pass.tokenId), repeat, step);
  }

  /**
   * Another runner of the same command may have given seats back meanwhile, or the fan's turn may have ended:
   * then nothing of the hold may stay.
   * @throws {Rejected} hold-ended
   */
  async confirm({ tokenId }: QueuePass, holdId: HoldId, context: CommandContext): Promise<void> {
    const { state } = await this.executor.load(tokenDecider, streams.token(tokenId));
    const hold = state.kind === 'entered' ? state.holds.get(holdId) : undefined;
    if (hold && isWhole(hold)) return;
    await this.holds.giveBack(tokenId, holdId, 'conflict', stepContext(context, holdId, 'unconfirmed'));
    throw refuse('hold-ended', 'This hold has ended: hold the seats again with a new idempotency key.');
  }
}
