import type { PlanSeat } from '../../events/catalog-events.js';
import type { SeatId } from '../../events/ids.js';
import { hasFeature, type SeatFeature } from '../../events/seat-features.js';
import type { ProblemList } from './feed.js';

/**
 * Words by which names of categories, rows, zones and seats tell what a seat is. A name with a word of companions means
 * a companion's place, even if it has other words too ("Wheelchair companion"). docs/feeds.md lists them.
 */
const words: readonly (readonly [SeatFeature, RegExp])[] = [
  [
    'companion',
    /companion|\bcarer|begleit(?:er|person|platz|plätze)|(?<!(?:가족|자녀|아동|반려견|반려동물)\s*)동반(?:자|석)|보호자|accompagnat(?:eur|rice)|accompagnant|begeleider|pendamping|acompañante/iu,
  ],
  [
    'wheelchair',
    /wheel[\s-]?chair|rollstuhl|휠체어|fauteuils? roulant|rolstoel|kursi roda|sillas? de ruedas|車椅子|车椅|轮椅/iu,
  ],
  [
    'restricted-view',
    /(?:restricted|limited|obstructed|partial)[\s-]*view|view[\s-]*(?:restricted|limited|obstructed)|sichtbehinder|(?:eingeschränkte|behinderte)[nr]?\s+sicht|시야\s*(?:제한|방해|장애)|visibilité (?:réduite|partielle)|beperkt zicht|pandangan terbatas/iu,
  ],
];

/** A name with one of these may say the opposite, so nothing is read from it. */
const negation =
  /(?<!\p{L})(?:no|not|non|without|kein\p{L}*|nicht|ohne|sans|pas|geen|niet|tidak|bukan|tanpa|sin)(?!\p{L})|불가|없|아님|제외/iu;

/** What a name says of its seats: one kind of place at most, and perhaps a restricted view. */
export function featuresIn(name: string): {
  readonly features: readonly SeatFeature[];
  readonly isUnclear: boolean;
} {
  const text = name.normalize('NFKC');
  const said = words.filter(([, word]) => word.test(text)).map(([feature]) => feature);
  if (said.length > 0 && negation.test(text)) return { features: [], isUnclear: true };
  const isCompanion = said.includes('companion');
  return { features: said.filter((feature) => !isCompanion || feature !== 'wheelchair'), isUnclear: false };
}

const meanings: Readonly<Record<SeatFeature, string>> = {
  wheelchair: 'taken as wheelchair places',
  companion: 'taken as companion places of the wheelchair places beside them',
  'restricted-view': 'taken as seats with a restricted view',
};

/** Reads the features of a plan's seats from names, and reports what was read. */
export class SeatWords {
  readonly #known = new Map<string, ReturnType<typeof featuresIn>>();
  /** How many seats each name was read for. */
  readonly #used = new Map<string, number>();
  readonly #companions = new Set<PlanSeat>();

  /**
   * The seat with the features that names say it has. A companion's place gets its wheelchair place later:
   * {@link withCompanions}.
   * @param names from the seat's own to that of its zone: the first that names a kind of place decides it.
   */
  read(seat: PlanSeat, names: readonly string[]): PlanSeat {
    const said = names.flatMap((name) => {
      const { features, isUnclear } = this.#featuresIn(name);
      if (features.length > 0 || isUnclear) this.#used.set(name, (this.#used.get(name) ?? 0) + 1);
      return features;
    });
    const kind = said.find((feature) => feature !== 'restricted-view');
    const read: PlanSeat = {
      ...seat,
      ...(kind === 'wheelchair' ? { wheelchair: true } : {}),
      ...(said.includes('restricted-view') ? { restrictedView: true } : {}),
    };
    if (kind === 'companion') this.#companions.add(read);
    return read;
  }

  /**
   * A row whose companion places name the wheelchair place that is nearest in it, with only companion places in
   * between; of two equally near ones, the one with fewer companions. A companion place without a wheelchair place becomes
   * a wheelchair place, so that it is not offered to all fans, and is reported.
   * @param seats in physical order
   */
  withCompanions(seats: readonly PlanSeat[], record: string, problems: ProblemList): PlanSeat[] {
    const counts = new Map<SeatId, number>();
    return seats.map((seat, index) => {
      if (!this.#companions.has(seat)) return seat;
      const beside = [this.#wheelchairPlace(seats, index, -1), this.#wheelchairPlace(seats, index, 1)]
        .filter((found) => found !== undefined)
        .map((found) => ({ ...found, companions: counts.get(found.seatId) ?? 0 }))
        .sort((a, b) => a.steps - b.steps || a.companions - b.companions);
      const [nearest] = beside;
      if (!nearest) {
        const reason =
          'is called a companion place, and no wheelchair place is beside it: kept as a wheelchair place';
        problems.add({
          record: `${record}, seat "${seat.seatId}"`,
          field: 'category',
          reason,
          effect: 'changed',
        });
        return { ...seat, wheelchair: true };
      }
      counts.set(nearest.seatId, nearest.companions + 1);
      return { ...seat, companionOf: nearest.seatId };
    });
  }

  #wheelchairPlace(seats: readonly PlanSeat[], from: number, direction: 1 | -1) {
    for (let steps = 1; steps <= maxStepsToWheelchair; steps++) {
      const seat = seats[from + steps * direction];
      if (!seat) return undefined;
      if (hasFeature(seat, 'wheelchair')) return { seatId: seat.seatId, steps };
      if (!this.#companions.has(seat)) return undefined;
    }
    return undefined;
  }

  #featuresIn(name: string): ReturnType<typeof featuresIn> {
    let found = this.#known.get(name);
    if (found === undefined) {
      found = featuresIn(name);
      this.#known.set(name, found);
    }
    return found;
  }

  report(problems: ProblemList): void {
    for (const [name, seats] of this.#used) {
      const { features, isUnclear } = this.#featuresIn(name);
      const read = features.map((feature) => meanings[feature]).join(', ');
      const reason = isUnclear ? 'says what its seats are not: read as ordinary seats' : read;
      problems.add({ record: `"${name}" (seats: ${seats})`, field: 'category', reason, effect: 'changed' });
    }
  }
}

/** Companion places of one wheelchair place on one side; also bounds the search in a row of nothing else. */
const maxStepsToWheelchair = 10;
