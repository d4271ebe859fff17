import type { ScheduleId } from '../events/ids.js';
import type { QueryContext } from './context.js';
import type { AvailabilityReply, CategoryAvailability, SectionAvailability } from './replies.js';
import { pricedSchedule, takenSeats } from './schedule-seats.js';

type Counting<Reply> = { -readonly [Field in keyof Reply]: Reply[Field] };

/** How many seats of a date are free, by category and section; null when unknown. A lapsed hold is free. */
export async function getAvailability(
  { db, clock, plans }: QueryContext,
  scheduleId: ScheduleId,
): Promise<AvailabilityReply | null> {
  const schedule = await pricedSchedule(db, scheduleId);
  const plan = schedule && (await plans.of(schedule.venueId));
  if (!plan) return null;
  const { prices, position } = schedule;
  const byCategory = new Map<string, Counting<CategoryAvailability>>();
  const bySection = new Map<string, Counting<SectionAvailability>>();
  for (const { sectionId, name, categoryCounts } of plan.sections) {
    const section = { sectionId, name, capacity: 0, available: 0 };
    bySection.set(sectionId, section);
    for (const [category, count] of categoryCounts) {
      const price = prices.priceOf(category);
      if (price === null) continue;
      const label = prices.entryOf(category)?.label ?? category;
      const ofCategory = byCategory.get(category) ?? { category, label, price, capacity: 0, available: 0 };
      byCategory.set(category, ofCategory);
      for (const counted of [section, ofCategory]) {
        counted.capacity += count;
        counted.available += count;
      }
    }
  }
  const taken = { held: 0, reserved: 0 };
  for (const [seatId, status] of await takenSeats(db, scheduleId, clock.now())) {
    const ofCategory = byCategory.get(plan.categoryOf.get(seatId) ?? '');
    const section = bySection.get(plan.sectionOf.get(seatId)?.sectionId ?? '');
    // Seats withdrawn from the plan or from sale are not counted at all.
    if (!ofCategory || !section) continue;
    ofCategory.available--;
    section.available--;
    taken[status]++;
  }
  const capacity = [...byCategory.values()].reduce((sum, category) => sum + category.capacity, 0);
  return {
    scheduleId,
    capacity,
    available: capacity - taken.held - taken.reserved,
    ...taken,
    byCategory: [...byCategory.values()].sort((a, b) => b.price - a.price),
    bySection: [...bySection.values()],
    position,
  };
}
