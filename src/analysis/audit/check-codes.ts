/**
 * Every check of the audit: its stable code, the invariant it guards and what holds when it is silent.
 * Codes are part of the report's format: never rename one, only add.
 */
export const checks = {
  'stream-revision': ['log', 'revisions of a stream are 0, 1, 2, … without gaps'],
  'position-order': ['log', 'positions of the log only grow'],
  'event-valid': ['log', 'data and metadata fit the schema of their event type'],
  'event-id-unique': ['log', 'no event id occurs twice (a repeated queue number may)'],
  'stream-identity': ['log', 'an event lies in the stream of the thing it is about'],

  'seat-single-owner': [
    'seats',
    'a seat passes to an owner only when free, and to an order only from its own hold',
  ],
  'hold-ends-once': ['holds', 'each hold of a seat ends once and never comes back'],
  'hold-not-early': ['holds', 'no hold expires before its deadline'],
  'hold-in-time': ['holds', 'no seat is held or reserved under a hold past its deadline'],
  'hold-barred': ['holds', 'a seat bars only a hold that it neither has nor had, and bars it once'],
  'barred-stays-out': ['holds', 'a hold that a seat has barred never gets it'],
  'hold-overdue': ['holds', 'no hold is left open long after its deadline'],

  'catalog-reference': ['plan', 'performances and dates refer to venues and performances published before'],
  'seat-in-plan': ['plan', 'every seat held or reserved is in its venue’s plan'],
  'plan-seat-once': ['plan', 'a plan names each seat once, so held + reserved + free = its size'],

  'order-transition': [
    'orders',
    'an order is placed once, then paid or failed, and refunded only after failing or cancelling',
  ],
  'order-total': ['orders', 'an order’s total is the sum of its items, each another seat'],
  'order-overdue': ['orders', 'no order is left open long'],

  'reservation-ordered': [
    'sales',
    'a seat is reserved only as an item of an open order, by its hold and at its price',
  ],
  'paid-seats-reserved': ['sales', 'a paid order has all its seats until it is cancelled'],
  'reserved-seats-paid': ['sales', 'a reserved seat belongs to a paid order, or one still open'],
  'refunded-seats-free': ['sales', 'a refunded order has no seat left'],

  'wallet-balance': ['points', 'each balance is the one before plus or minus the amount'],
  'wallet-not-negative': ['points', 'no wallet spends more than it has'],
  'charge-outcome': ['points', 'a charge is requested once and approved or declined once, for its amount'],
  'charge-credited-once': ['points', 'points are credited once for each approved charge, in full'],
  'charge-overdue': ['points', 'no approved charge stays uncredited for long'],
  'order-spent-once': ['points', 'an order spends its total once, from its owner’s wallet'],
  'order-refunded-once': ['points', 'a failed or cancelled order gives back what it spent, once'],
  'order-points-agree': [
    'points',
    'an order is paid only with its points spent, and refunded with what went back',
  ],

  'token-transition': ['turns', 'a turn is requested once, entered once and ends once'],
  'token-single-live': ['turns', 'a fan has one live turn at a performance'],
  'turn-not-early': ['turns', 'no turn expires before its time'],
  'request-in-turn': [
    'turns',
    'seats are requested only by a fan inside, for the same performance, within the turn',
  ],
  'request-repeated': [
    'turns',
    'a second run of a request says so once, while nothing of its hold was given back',
  ],
  'hold-requested': ['turns', 'every hold is one that its turn had requested'],
  'stray-hold-ends': [
    'turns',
    'seats held beside the limit, by a request that came late, are given back and never sold',
  ],
  'return-after-free': ['turns', 'seats that a fan bought count against the limit until they are given back'],
  'return-after-end': [
    'turns',
    'a seat stops counting only when its hold is over for it, or never took it and nobody is left to do so',
  ],
  'return-is-final': ['turns', 'no seat is taken under a hold after it stopped counting'],
  'seat-limit-turn': ['turns', 'a turn never has more seats than its limit'],
  'seat-limit-user': ['turns', 'a fan never has more seats of a performance than allowed'],

  'queue-number': ['queue', 'a queue number is given to a turn that was requested'],
  'queue-opening': ['queue', 'a queue opens once, in time, with the seed whose hash was published'],
  'admission-order': ['queue', 'places are admitted one after the other, none skipped, none invented'],
  'entry-admitted': ['queue', 'who enters was admitted at the place that the queue number gives'],
  'entry-in-time': ['queue', 'who enters does so before the claim deadline'],
  'active-limit': ['queue', 'no more fans are inside than allowed'],
} as const satisfies Record<string, readonly [invariant: string, meaning: string]>;

export type CheckCode = keyof typeof checks;
