import {
  addMs,
  type Instant,
  type OrderId,
  type ScheduleId,
  type SeatId,
  type VenueId,
} from '../../events/ids.js';
import type { OrderItem } from '../../events/order-events.js';
import type { AuditOptions, CheckGroup, EventRef, Fact, Findings, Handlers } from './checks.js';
import { hasItem, type Orders } from './orders.js';
import { seatKey } from './seats.js';

/** What the plan says of a seat that is or was a companion's place. */
interface Planned {
  /** Undefined: it is an ordinary seat now. */
  readonly companionOf: SeatId | undefined;
  readonly since: Instant;
}

/**
 * Checks that a paid order has no companion's place without its wheelchair place. What the order says of its seats counts,
 * and where it says nothing, the plan: a process may decide on a plan that was replaced up to `settleMs` before.
 */
export class Companions implements CheckGroup {
  readonly #plans = new Map<VenueId, Map<SeatId, Planned>>();
  readonly #halls = new Map<ScheduleId, VenueId>();
  /** Of orders with companion places: the key of the wheelchair place by that of the companion's. */
  readonly #companions = new Map<OrderId, ReadonlyMap<string, string>>();

  constructor(
    private readonly findings: Findings,
    private readonly orders: Orders,
    private readonly options: AuditOptions,
  ) {}

  readonly on: Handlers = {
    SectionPublished: ({ data, at }) => {
      const plan = this.#plans.get(data.venueId) ?? new Map<SeatId, Planned>();
      this.#plans.set(data.venueId, plan);
      for (const { seats } of data.rows) {
        for (const { seatId, companionOf } of seats) {
          if (plan.get(seatId)?.companionOf !== companionOf) plan.set(seatId, { companionOf, since: at });
        }
      }
    },
    SchedulePublished: ({ data }) => {
      this.#halls.set(data.scheduleId, data.venueId);
    },
    OrderPlaced: ({ data, at }) => {
      const companions = new Map<string, string>();
      for (const item of data.items) {
        const companionOf = item.sold?.companionOf ?? this.#plannedFor(item, at);
        if (companionOf === undefined) continue;
        companions.set(seatKey(item), seatKey({ scheduleId: item.scheduleId, seatId: companionOf }));
      }
      if (companions.size > 0) this.#companions.set(data.orderId, companions);
    },
    OrderPaid: (fact) => this.#expectTogether(fact),
    OrderItemsCancelled: (fact) => this.#expectTogether(fact),
  };

  #plannedFor({ scheduleId, seatId, sold }: OrderItem, at: Instant): SeatId | undefined {
    const venueId = sold?.venueId ?? this.#halls.get(scheduleId);
    const planned = venueId === undefined ? undefined : this.#plans.get(venueId)?.get(seatId);
    return planned && addMs(planned.since, this.options.settleMs) < at ? planned.companionOf : undefined;
  }

  #expectTogether({ data, ref }: Fact<'OrderPaid' | 'OrderItemsCancelled'>): void {
    const order = this.orders.get(data.orderId);
    if (!order) return; // the checks of orders report it
    const kept = new Set(order.items.filter((item) => hasItem(order, item)).map(seatKey));
    const companions = [...(this.#companions.get(data.orderId) ?? [])];
    const lone = companions.find(([key, wheelchairKey]) => kept.has(key) && !kept.has(wheelchairKey));
    const others: readonly EventRef[] = ref.position === order.ref.position ? [] : [order.ref];
    this.findings.expect(
      'companion-with-wheelchair',
      lone === undefined,
      () => `order ${data.orderId} has companion’s place ${lone?.[0]} without wheelchair place ${lone?.[1]}`,
      ref,
      ...others,
    );
  }
}
