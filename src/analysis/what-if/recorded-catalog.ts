import {
  type PerformanceDetails,
  type ScheduleDetails,
  type VenueState,
  venueDecider,
} from '../../domain/catalog.js';
import type { SalesRules } from '../../events/catalog-events.js';
import type { PerformanceId, ScheduleId, VenueId } from '../../events/ids.js';
import type { DomainEvent } from '../../events/registry.js';
import { capacityOf, type Hall, hallOf } from './hall.js';

/** What was on sale, as the log published it. */
export class RecordedCatalog {
  readonly #venues = new Map<VenueId, VenueState>();
  readonly #dates = new Map<ScheduleId, ScheduleDetails>();
  #details: PerformanceDetails | undefined;
  #rulesAtOpening: SalesRules | undefined;
  #laterRevisions = 0;
  #hall: Hall | undefined;

  constructor(private readonly performanceId: PerformanceId) {}

  /**
   * @param isOpen whether the queue has opened: rules published later are counted, not used.
   * @returns whether the event belongs to a catalog, of whichever performance.
   */
  apply(event: DomainEvent, isOpen: boolean): boolean {
    switch (event.type) {
      case 'VenuePublished':
      case 'SectionPublished':
      case 'SectionWithdrawn': {
        const { venueId } = event.data;
        const venue = this.#venues.get(venueId) ?? venueDecider.initialState;
        this.#venues.set(venueId, venueDecider.evolve(venue, event));
        break;
      }
      case 'PerformancePublished': {
        if (event.data.performanceId !== this.performanceId) return true;
        const isChanged = JSON.stringify(event.data.sales) !== JSON.stringify(this.#details?.sales);
        if (isOpen && isChanged) this.#laterRevisions++;
        else this.#rulesAtOpening = event.data.sales;
        this.#details = event.data;
        break;
      }
      case 'SchedulePublished':
        if (event.data.performanceId !== this.performanceId) return true;
        this.#dates.set(event.data.scheduleId, event.data);
        break;
      default:
        return false;
    }
    this.#hall = undefined;
    return true;
  }

  hasDate(scheduleId: ScheduleId): boolean {
    return this.#dates.has(scheduleId);
  }

  /** Seats for sale on all dates, as known so far. */
  capacity(): number {
    return capacityOf(this.#currentHall());
  }

  /** Undefined when the performance was never published. */
  finish() {
    const rules = this.#rulesAtOpening;
    if (!rules) return undefined;
    const hall = this.#currentHall();
    const lastDateMs = Math.max(...[...hall.values()].map(({ startsAtMs }) => startsAtMs));
    return { rules, laterRevisions: this.#laterRevisions, hall, capacity: capacityOf(hall), lastDateMs };
  }

  #currentHall(): Hall {
    const details = this.#details;
    this.#hall ??= details
      ? hallOf(details, this.#dates.values(), ({ venueId }) => this.#venues.get(venueId))
      : new Map();
    return this.#hall;
  }
}
