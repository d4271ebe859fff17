import { Random } from '../../platform/random.js';
import type { Fan, Intent, SeatWish, Turn, WaitedFor, Wish } from './demand.js';
import type { Seats } from './seats.js';

type Entering = Extract<Turn, { kind: 'enters' }>;

/** What a fan would do: as recorded, or drawn from other fans where the recording does not show it. */
export interface Behaviour {
  /** Time in the queue after which the fan leaves; may be infinite. */
  readonly patienceMs: number;
  readonly turn: Exclude<Turn, { kind: 'enters' }> | (Entering & { readonly wishes: readonly SeenWish[] });
}
export type SeenWish = Wish & { readonly intent: Intent };

/**
 * Fills in behaviour that was not recorded. A fan who was never admitted, or found no seats left, behaves like a fan
 * drawn from the others (hot-deck imputation: Andridge and Little, International Statistical Review 78, 2010).
 * Each fan has an own random generator, so that two settings are compared with the same fans.
 */
export class Behaviours {
  readonly #patience: Patience;
  readonly #turns: readonly Turn[];
  readonly #entering: readonly Entering[];
  readonly #intents: readonly Intent[];

  constructor(
    fans: readonly Fan[],
    private readonly seed: number,
  ) {
    this.#patience = new Patience(fans.map(({ waited }) => waited));
    this.#turns = fans.flatMap(({ turn }) => (turn && isWhole(turn) ? turn : []));
    this.#entering = this.#turns.filter((turn) => turn.kind === 'enters');
    this.#intents = this.#entering.flatMap(({ wishes }) =>
      (wishes ?? []).flatMap(({ intent }) => intent ?? []),
    );
  }

  of(fan: Fan): Behaviour {
    const random = Random.ofFan(this.seed, fan.place);
    // Drawn in the same order for every fan, whatever was recorded.
    const drawn = this.#patience.draw(fan.waited.ms, random);
    const patienceMs = fan.waited.left ? fan.waited.ms : drawn;
    const turn = fan.turn ?? pick(this.#turns, random) ?? { kind: 'absent' };
    if (turn.kind === 'absent') return { patienceMs, turn };
    const like = turn.wishes === undefined ? pick(this.#entering, random) : turn;
    const wishes = (like?.wishes ?? []).map(
      (wish): SeenWish => ({
        ...wish,
        intent: wish.intent ?? pick(this.#intents, random) ?? { kind: 'let-lapse' },
      }),
    );
    return { patienceMs, turn: { ...turn, wishes, leavesAfterMs: like?.leavesAfterMs ?? null } };
  }
}

/** Whether the recording shows all of it. */
function isWhole(turn: Turn): boolean {
  return turn.kind === 'absent' || turn.wishes?.every(({ intent }) => intent !== undefined) === true;
}

function pick<Thing>(things: readonly Thing[], random: Random): Thing | undefined {
  return things[random.below(things.length)];
}

interface Step {
  readonly ms: number;
  /** Share of fans still in the queue after this time. */
  readonly staying: number;
}

/**
 * How long fans stay in the queue: the estimator of Kaplan and Meier (Nonparametric Estimation from Incomplete
 * Observations, JASA 53, 1958). A fan admitted after ten seconds counts as having at least ten seconds of patience.
 */
export class Patience {
  readonly #steps: readonly Step[];

  constructor(waited: readonly WaitedFor[]) {
    const sorted = [...waited].sort((a, b) => a.ms - b.ms || Number(b.left) - Number(a.left));
    const steps: Step[] = [];
    let staying = 1;
    sorted.forEach(({ ms, left }, index) => {
      if (!left) return;
      const atRisk = sorted.length - index;
      staying *= 1 - 1 / atRisk;
      steps.push({ ms, staying });
    });
    this.#steps = steps;
  }

  /**
   * A patience longer than `atLeastMs`; infinite where no fan was recorded leaving after so long.
   * @param atLeastMs how long the fan stayed in the recording.
   */
  draw(atLeastMs: number, random: Random): number {
    const steps = this.#steps;
    const from = firstAfter(steps, atLeastMs);
    const staying = steps[from - 1]?.staying ?? 1;
    const drawn = random.next() * staying;
    let [low, high] = [from, steps.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((steps[middle]?.staying ?? 0) <= drawn) high = middle;
      else low = middle + 1;
    }
    return steps[low]?.ms ?? Number.POSITIVE_INFINITY;
  }
}

/** Index of the first step later than `ms`. */
function firstAfter(steps: readonly Step[], ms: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle]?.ms ?? 0) > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * What a fan tries, in this order: the recorded attempts; as many best seats of the same category; of any category;
 * on the other dates; and last, fewer seats on the wanted date.
 */
export function* wishesInOrder(
  options: readonly SeatWish[],
  seats: Pick<Seats, 'categoryOf' | 'datesFrom'>,
  nowMs: number,
): Generator<SeatWish> {
  yield* options;
  const wanted = options.at(-1);
  if (!wanted) return;
  const { scheduleId } = wanted;
  const quantity = wanted.kind === 'seats' ? wanted.seatIds.length : wanted.quantity;
  const [first] = wanted.kind === 'seats' ? wanted.seatIds : [];
  const category = wanted.kind === 'seats' ? first && seats.categoryOf(scheduleId, first) : wanted.category;
  const best = { kind: 'best-available', quantity, category: undefined } as const;
  if (category !== undefined) yield { ...best, scheduleId, category };
  yield { ...best, scheduleId };
  for (const other of seats.datesFrom(nowMs)) {
    if (other !== scheduleId) yield { ...best, scheduleId: other };
  }
  for (let fewer = quantity - 1; fewer > 0; fewer--) yield { ...best, scheduleId, quantity: fewer };
}
