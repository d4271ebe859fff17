import { admissionDecider } from '../../src/domain/admission.js';
import { venueDecider } from '../../src/domain/catalog.js';
import { type ChargeState, chargeDecider } from '../../src/domain/charge.js';
import { operatorDecider } from '../../src/domain/operator.js';
import { type OrderState, orderDecider } from '../../src/domain/order.js';
import { seatDecider } from '../../src/domain/seat.js';
import { sessionDecider } from '../../src/domain/session.js';
import { type TokenState, tokenDecider } from '../../src/domain/token.js';
import { userDecider } from '../../src/domain/user.js';
import { walletDecider } from '../../src/domain/wallet.js';
import {
  chargeIdSchema,
  orderIdSchema,
  performanceIdSchema,
  tokenIdSchema,
  userIdSchema,
} from '../../src/events/ids.js';
import { at, named } from './given.js';

/** What no type allows, as an older build would meet it in a log that a newer one wrote. */
const surprise = { kind: 'surprise', type: 'Surprise', data: {}, endedHolds: [] } as never;

const userId = named(userIdSchema, 'mina');
const owner = { userId, tokenId: named(tokenIdSchema, 't'), performanceId: named(performanceIdSchema, 'p') };
const sessions = { epoch: 0, keptSessionId: undefined };
const user = { kind: 'registered', userId, passwordHash: 'hash', sessions } as const;
const chargeId = named(chargeIdSchema, 'c');
const charge: ChargeState = { kind: 'requested', chargeId, userId, amount: 1, paymentMethod: 'card' };
const order: OrderState = {
  kind: 'placed',
  orderId: named(orderIdSchema, 'o'),
  ...owner,
  items: [],
  total: 0,
};
const token: TokenState = {
  kind: 'waiting',
  ...owner,
  entry: 0,
  numberOfTickets: 1,
  seatLimit: 1,
  holds: new Map(),
  cooling: new Map(),
};

const now = at(0);
const cases: Record<string, () => unknown> = {
  'an event of a user': () => userDecider.evolve(user, surprise),
  'a command to a user': () => userDecider.decide(surprise, user, now),
  'an event of a session': () => sessionDecider.evolve(sessionDecider.initialState, surprise),
  'an event of a wallet': () => walletDecider.evolve(walletDecider.initialState, surprise),
  'a command to a wallet': () => walletDecider.decide(surprise, walletDecider.initialState, now),
  'an event of a charge': () => chargeDecider.evolve(charge, surprise),
  'a command to a charge': () => chargeDecider.decide(surprise, charge, now),
  'an event of an admission': () => admissionDecider.evolve(admissionDecider.initialState, surprise),
  'a command to an admission': () => admissionDecider.decide(surprise, admissionDecider.initialState, now),
  'an event of a token': () => tokenDecider.evolve(token, surprise),
  'a command to a token': () => tokenDecider.decide(surprise, token, now),
  'a reason for which a token expires': () =>
    tokenDecider.decide({ kind: 'expire', reason: surprise }, token, now),
  'an event of a seat': () => seatDecider.evolve(seatDecider.initialState, surprise),
  'a command to a seat': () => seatDecider.decide(surprise, seatDecider.initialState, now),
  'an event of an order': () => orderDecider.evolve(order, surprise),
  'a command to an order': () => orderDecider.decide(surprise, order, now),
  'an event of the operators’ keys': () => operatorDecider.evolve(operatorDecider.initialState, surprise),
  'a command to the operators’ keys': () =>
    operatorDecider.decide(surprise, operatorDecider.initialState, now),
  'an event of a venue': () => venueDecider.evolve(venueDecider.initialState, surprise),
  'a command to a venue': () => venueDecider.decide(surprise, venueDecider.initialState, now),
};

describe('a case that this build does not know', () => {
  it.each(Object.entries(cases))('is never passed over in silence: %s', (_, meet) =>
    expect(meet).toThrow('unhandled case'),
  );
});
