import { type TokenCommand, type TokenState, tokenDecider } from '../../domain/token.js';

import { type TokenId, toInstant, type UserId } from '../../events/ids.js';
import type { Behaviour } from './behaviour.js';
import type { Fan } from './demand.js';
import type { InLine } from './line.js';
import type { Hold } from './seats.js';

/** A fan in a simulated sale. */
export interface Visitor extends InLine {
  readonly fan: Fan;
  readonly ids: { readonly tokenId: TokenId; readonly userId: UserId };
  behaviour: Behaviour | undefined;
  admittedAtMs: number;
  /** The turn, as the token's own decider folds it; undefined before joining and after the end. */
  token: TokenState | undefined;
  readonly holds: Hold[];
  hasBought: boolean;
  /** Attempts to get seats that are still to come. */
  wishesLeft: number;
}

/** Decides and folds a turn with the token's own decider. @returns whether it was accepted. */
export function decideTurn(visitor: Visitor, command: TokenCommand, nowMs: number): boolean {
  const state = visitor.token ?? tokenDecider.initialState;
  const decision = tokenDecider.decide(command, state, toInstant(nowMs));
  if (decision.kind === 'rejected') return false;
  visitor.token = decision.events.reduce(tokenDecider.evolve, state);
  return true;
}

/** Somebody who has not come yet. */
export function visitorOf(fan: Fan): Visitor {
  // Ids of the simulation stay in it.
  const ids = { tokenId: `token ${fan.place}` as TokenId, userId: `fan ${fan.place}` as UserId };
  return {
    fan,
    ids,
    place: fan.place,
    status: 'absent',
    behaviour: undefined,
    admittedAtMs: 0,
    token: undefined,
    holds: [],
    hasBought: false,
    wishesLeft: 0,
  };
}

/** In the order of joining. */
export function byJoining(visitors: readonly Visitor[]): Visitor[] {
  return [...visitors].sort((a, b) => a.fan.joinedAtMs - b.fan.joinedAtMs || a.place - b.place);
}
