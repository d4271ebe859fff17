import { chooseBestAvailable } from '../../src/domain/best-available.js';
import { venueProblems } from '../../src/domain/catalog-document.js';
import { orderDecider } from '../../src/domain/order.js';
import { matchSeats } from '../../src/domain/plan-identity.js';
import { strandedHolds } from '../../src/domain/token.js';
import { type PlanRow, planSeatSchema } from '../../src/events/catalog-events.js';
import {
  holdIdSchema,
  orderIdSchema,
  paymentIdSchema,
  performanceIdSchema,
  refundIdSchema,
  type SeatId,
  scheduleIdSchema,
  seatIdSchema,
  tokenIdSchema,
  userIdSchema,
  venueIdSchema,
} from '../../src/events/ids.js';
import type { OrderEvent } from '../../src/events/order-events.js';
import type { TokenEvent, WheelchairAccess } from '../../src/events/queue-events.js';
import type { SeatFeatures } from '../../src/events/seat-features.js';
import { at, given, named } from './given.js';
import { hall } from './sample-document.js';
import { ask, asked, holdId, holdTtlMs, inside, returned, scheduleId as tonight } from './token-history.js';

const seatId = (name: string): SeatId => seatIdSchema.parse(name);
const companion = { seatId: seatId('C-1'), companionOf: seatId('W-1') };
const companions = [companion];

describe('asking for a companion’s place', () => {
  const askBeside = (hold: string, ...names: string[]) => ({ ...ask(hold, ...names), companions });
  const claimOf = (event: TokenEvent | undefined) =>
    event?.type === 'SeatsRequested' ? event.data : undefined;
  const resultOf = (...history: TokenEvent[]) => inside(...history).when(askBeside('c', 'C-1'), at(1_000));

  it('is refused alone, and says which wheelchair place it needs', () => {
    expect(resultOf()).toBe('companion-needs-wheelchair');
    expect(resultOf(asked('h', 'A-1'))).toBe('companion-needs-wheelchair');
    expect(inside().factsOf(askBeside('c', 'C-1'))).toEqual(companion);
  });

  it('is possible together with its wheelchair place', () => {
    const result = inside().when(askBeside('h', 'W-1', 'C-1'));
    expect(claimOf(result[0] as TokenEvent)).toMatchObject({ companions, expiresAt: at(holdTtlMs) });
  });

  it('is possible while the fan has the wheelchair place, and lasts no longer than that', () => {
    const result = resultOf(asked('w', 'W-1'));
    expect(claimOf(result[0] as TokenEvent)).toMatchObject({ companions, expiresAt: at(holdTtlMs) });
    expect(inside(asked('w', 'W-1')).when(askBeside('c', 'C-1'), at(holdTtlMs))).toBe(
      'companion-needs-wheelchair',
    );
  });

  it('is refused once the wheelchair place was given back, or on another date', () => {
    expect(resultOf(asked('w', 'W-1'), returned('w', 'released', 'W-1'))).toBe('companion-needs-wheelchair');
    const otherDate = { ...askBeside('c', 'C-1'), scheduleId: named(scheduleIdSchema, 'tomorrow') };
    expect(inside(asked('w', 'W-1')).when(otherDate)).toBe('companion-needs-wheelchair');
  });
});

describe('a hold of a companion’s place', () => {
  const beside: TokenEvent = {
    type: 'SeatsRequested',
    data: { ...(asked('c', 'C-1') as Extract<TokenEvent, { type: 'SeatsRequested' }>).data, companions },
  };
  const stranded = (now: number, ...history: TokenEvent[]) => {
    const { state } = inside(...history);
    return state.kind === 'none' ? [] : strandedHolds(state, at(now));
  };

  it('is stranded when the wheelchair place is given back, until it has ended itself', () => {
    const history = [asked('w', 'W-1'), beside];
    const without = [...history, returned('w', 'released', 'W-1')];
    expect(stranded(0, ...history)).toEqual([]);
    expect(stranded(0, ...without)).toEqual([holdId('c')]);
    expect(stranded(holdTtlMs, ...without)).toEqual([]);
    expect(stranded(0, ...without, returned('c', 'released', 'C-1'))).toEqual([]);
    // Another hold has the wheelchair place.
    expect(stranded(0, ...without, asked('again', 'W-1'))).toEqual([]);
  });
});

describe('an order with a companion’s place', () => {
  const ids = { orderId: named(orderIdSchema, 'o'), userId: named(userIdSchema, 'mina') };
  const words = {
    performanceName: 'Show',
    venueId: named(venueIdSchema, 'hall'),
    venueName: 'Hall',
    startsAt: at(0),
    timeZone: 'UTC',
    sectionName: 'Stalls',
    row: 'A',
    number: '1',
    category: 'R',
  };
  const item = (name: string, features: SeatFeatures = {}, scheduleId = tonight) => ({
    scheduleId,
    seatId: seatId(name),
    holdId: named(holdIdSchema, 'h'),
    price: 100,
    sold: { ...words, ...features },
  });
  const wheelchairPlace = item('W-1', { wheelchair: true });
  const beside = item('C-1', { companionOf: companion.companionOf });
  const content = (...items: ReturnType<typeof item>[]) => ({
    ...ids,
    tokenId: named(tokenIdSchema, 't'),
    performanceId: named(performanceIdSchema, 'p'),
    items,
    total: items.length * 100,
  });
  const place = (...items: ReturnType<typeof item>[]) => ({ kind: 'place', ...content(...items) }) as const;
  const past = (...history: OrderEvent[]) => given(orderDecider, history);

  it('is placed only with the wheelchair place of the same date', () => {
    expect(past().when(place(wheelchairPlace, beside))).toHaveLength(1);
    expect(past().when(place(wheelchairPlace))).toHaveLength(1);
    expect(past().when(place(beside))).toBe('companion-needs-wheelchair');
    expect(past().when(place(beside, item('A-1')))).toBe('companion-needs-wheelchair');
    const tomorrow = named(scheduleIdSchema, 'tomorrow');
    expect(past().when(place(beside, item('W-1', { wheelchair: true }, tomorrow)))).toBe(
      'companion-needs-wheelchair',
    );
    expect(past().factsOf(place(beside))).toEqual(companion);
  });

  it('keeps the wheelchair place as long as the companion’s', () => {
    const placed: OrderEvent = { type: 'OrderPlaced', data: content(wheelchairPlace, beside, item('A-1')) };
    const paymentId = paymentIdSchema.parse('pay-1');
    const paid: OrderEvent = { type: 'OrderPaid', data: { ...ids, paymentId, total: 300 } };
    const cancel = (...names: string[]) =>
      ({
        kind: 'cancel',
        items: names.map((name) => ({ scheduleId: tonight, seatId: seatId(name) })),
        refundId: named(refundIdSchema, names.join()),
        cause: 'fan',
        note: undefined,
      }) as const;
    const order = past(placed, paid);
    expect(order.when(cancel('W-1'))).toBe('companion-needs-wheelchair');
    expect(order.when(cancel('W-1', 'A-1'))).toBe('companion-needs-wheelchair');
    expect(order.factsOf(cancel('W-1'))).toEqual(companion);
    expect(order.when(cancel('A-1'))).toHaveLength(1);
    expect(order.when(cancel('W-1', 'C-1'))).toHaveLength(1);
    expect(order.when({ ...cancel(), items: undefined })).toMatchObject([{ type: 'OrderCancelled' }]);
    const [first] = order.when(cancel('C-1'));
    expect(past(placed, paid, first as OrderEvent).when(cancel('W-1'))).toHaveLength(1);
  });
});

/** A row of seats one unit apart: `w` is a wheelchair place, `c` the companion's place of the last one, `v` has a
 * restricted view, `x` is taken. */
function hallOf(...drawings: string[]) {
  const taken = new Set<SeatId>();
  const rows: PlanRow[] = drawings.map((drawing, y) => {
    const label = String.fromCharCode(65 + y);
    let wheelchairPlace: string | undefined;
    const seats = [...drawing].map((mark, x) => {
      const id = `${label}-${x}`;
      if (mark === 'w') wheelchairPlace = id;
      if (mark === 'x') taken.add(seatId(id));
      const features = {
        w: { wheelchair: true },
        c: { companionOf: wheelchairPlace },
        v: { restrictedView: true },
      }[mark];
      return planSeatSchema.parse({ seatId: id, number: `${x}`, category: 'R', x, y, ...features });
    });
    return { label, seats };
  });
  return (quantity: number, access?: WheelchairAccess, acceptRestrictedView?: boolean) => {
    const isFree = (seat: { seatId: SeatId }) => !taken.has(seat.seatId);
    const query = { rows, quantity, isFree, isEligible: isFree, focus: undefined };
    return chooseBestAvailable({ ...query, access, acceptRestrictedView })?.sort();
  };
}

describe('the best available seats', () => {
  it('are no wheelchair or companion places for those who do not ask', () => {
    expect(hallOf('.wc.', '..')(2)).toEqual(['B-0', 'B-1']);
    expect(hallOf('wc..wc')(2)).toEqual(['A-2', 'A-3']);
    expect(hallOf('wc.')(2)).toBeUndefined();
  });

  it('may leave a wheelchair place beside them: it is no orphan', () =>
    expect(hallOf('w..x', '....')(2)).toEqual(['A-1', 'A-2']));

  it('are wheelchair places for those who ask, together if there are such', () => {
    expect(hallOf('...w..', 'w.ww..')(1, 'wheelchair')).toEqual(['A-3']);
    expect(hallOf('...w..', 'w.ww..')(2, 'wheelchair')).toEqual(['B-2', 'B-3']);
    expect(hallOf('.c.')(1, 'wheelchair')).toBeUndefined();
  });

  it('are one wheelchair place with its own companion places', () => {
    const choose = hallOf('..w.c.', 'wcc...');
    expect(choose(2, 'wheelchair-and-companion')).toEqual(['A-2', 'A-4']);
    expect(choose(3, 'wheelchair-and-companion')).toEqual(['B-0', 'B-1', 'B-2']);
    expect(choose(4, 'wheelchair-and-companion')).toBeUndefined();
    expect(hallOf('wx.', 'xwc')(2, 'wheelchair-and-companion')).toEqual(['B-1', 'B-2']);
  });

  it('have a restricted view only if that is accepted, and only when there are too few others', () => {
    expect(hallOf('vv', '..')(2)).toEqual(['B-0', 'B-1']);
    expect(hallOf('vv', '..')(2, undefined, true)).toEqual(['B-0', 'B-1']);
    expect(hallOf('vv', '.x')(2)).toBeUndefined();
    expect(hallOf('vv', '.x')(2, undefined, true)).toEqual(['A-0', 'A-1']);
  });
});

describe('a plan with companion places', () => {
  const seat = (name: string, features: SeatFeatures = {}) =>
    planSeatSchema.parse({ seatId: name, number: name, category: 'R', x: 0, y: 0, ...features });
  const sections = (...seats: ReturnType<typeof seat>[]) => [
    { sectionId: 'stalls', name: 'Stalls', rows: [{ label: 'A', seats }] },
  ];
  const problemsOf = (...seats: ReturnType<typeof seat>[]) =>
    venueProblems({ ...hall, sections: sections(...seats) }).map(({ record, field, reason }) => {
      return `${record}, ${field}: ${reason}`;
    });

  it('names a wheelchair place of the venue for each', () => {
    expect(problemsOf(seat('W-1', { wheelchair: true }), seat('C-1', companion))).toEqual([]);
    expect(problemsOf(seat('W-1'), seat('C-1', companion))).toEqual([
      'venue "hall", seat "C-1", companionOf: names "W-1", which is no wheelchair place of the venue',
    ]);
    expect(problemsOf(seat('C-1', companion))).toHaveLength(1);
    expect(
      problemsOf(seat('W-1', { wheelchair: true }), seat('C-1', { ...companion, wheelchair: true })),
    ).toEqual(['venue "hall", seat "C-1", companionOf: a wheelchair place cannot be a companion place too']);
  });

  it('keeps them with their wheelchair place when an export has new ids', () => {
    const plan = (prefix: string) =>
      sections(
        ...[seat('W-1', { wheelchair: true }), seat('C-1', companion), seat('A-1')].map((one) => ({
          ...one,
          seatId: seatId(`${prefix}${one.seatId}`),
          ...(one.companionOf === undefined ? {} : { companionOf: seatId(`${prefix}${one.companionOf}`) }),
        })),
      );
    const published = new Map(plan('old-').map((section) => [section.sectionId, section]));
    const known = { sections: published, formerSeats: new Map() };
    expect(matchSeats(known, plan('new-')).sections).toEqual(plan('old-'));
  });
});
