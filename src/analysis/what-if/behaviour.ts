import { Random } from '../../platform/random.js';
import type { Fan, Intent, Turn, Wish } from './demand.js';
import { Patience } from './patience.js';

type Entering = Extract<Turn, { kind: 'enters' }>;

/** What a fan would have done, where the recording shows it or as somebody else did. */
export interface Behaviour {
  /** Time in line after which the fan leaves; may be infinite. */
  readonly patienceMs: number;
  readonly turn: Exclude<Turn, { kind: 'enters' }> | (Entering & { readonly wishes: readonly SeenWish[] });
}
export type SeenWish = Wish & { readonly intent: Intent };

/**
 * Fills in what nobody saw. Who was never let in behaves like a fan drawn from those who were (hot-deck imputation:
 * Andridge and Little, International Statistical Review 78, 2010), and so does who found no seats left.
 * Each fan draws from a generator of their own, so that two settings are compared with the same people.
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
    // Drawn in the same order for everybody, whatever is known of them.
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

/** Nothing of it has to be guessed. */
function isWhole(turn: Turn): boolean {
  return turn.kind === 'absent' || turn.wishes?.every(({ intent }) => intent !== undefined) === true;
}

function pick<Thing>(things: readonly Thing[], random: Random): Thing | undefined {
  return things[random.below(things.length)];
}
