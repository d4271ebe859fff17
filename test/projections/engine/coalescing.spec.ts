import fc from 'fast-check';
import type { UserId } from '../../../src/events/ids.js';
import { allTables } from '../../../src/projections/all-projections.js';
import type { ReadModels } from '../../../src/projections/open-read-models.js';
import { bySize } from '../../services/test-size.js';
import { caughtUp, closeAll, emptyModels, History, id, minute, project, rowsOf, run } from '../history.js';
import { charge, Story } from '../story.js';

afterEach(closeAll);

const fans = [0, 1, 2].map((index) => id<UserId>(`fan ${index}`));
const seats = ['A-1', 'A-2', 'A-3', 'B-1'];

type Step = (story: Story, fan: UserId, seat: string, number: number) => Promise<unknown>;

/** What may happen, in any order: some orders could not occur, but the tables must agree even then. */
const steps: readonly Step[] = [
  (story, fan) => story.register(fan),
  (story, fan, seat, number) => story.charge(fan, charge(`${seat}${number}`), number + 1, number + 1),
  (story, fan) => story.queue(fan),
  (story, fan) => story.issue(fan),
  (story, _fan, _seat, number) => story.open(number),
  (story, _fan, _seat, number) => story.admit(number, number + 2),
  (story, fan, _seat, number) => story.enter(fan, number),
  (story, fan) => story.leave(fan),
  (story, fan, seat) => story.hold(fan, seat, `hold ${seat}`),
  (story, fan, seat) => story.release(fan, seat, `hold ${seat}`),
  (story, fan, seat) => story.reserve(fan, seat, `hold ${seat}`, `order ${seat}`),
  (story, fan, seat) => story.cancelReservation(fan, seat, `order ${seat}`),
  (story, fan, seat) => story.place(fan, `order ${seat}`, `hold ${seat}`, [seat]),
  (story, fan, seat) => story.paid(fan, `order ${seat}`, 150),
  (story, fan, seat) => story.failed(fan, `order ${seat}`),
  (story, fan, seat) => story.cancelled(fan, `order ${seat}`),
  (story, fan, seat) => story.refunded(fan, `order ${seat}`, 150),
  (story, _fan, _seat, number) => story.section('A', ['VIP', 'R', 'VIP', 'X'].slice(0, number + 1)),
  (story, _fan, _seat, number) =>
    story.performance([{ category: 'VIP', price: number === 0 ? null : number }]),
  (story) => story.schedule(),
];

const journey = fc.array(
  fc.record({
    step: fc.nat(steps.length - 1),
    fan: fc.nat(fans.length - 1),
    seat: fc.nat(seats.length - 1),
    number: fc.nat(3),
  }),
  { minLength: 20, maxLength: 80 },
);

async function tables(models: ReadModels): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const { name } of allTables) all[name] = await rowsOf(models, name);
  return all;
}

async function projectOnce(history: History, models: ReadModels): Promise<void> {
  const runner = run(history, models, { clock });
  await caughtUp(history, runner);
  await runner.stop();
}

const clock = { now: () => minute(0), nowMs: () => Date.parse(minute(0)) };

/** Runners that start with empty caches must read what they need. */
const eventsPerLife = 20;

it('gives the same tables event by event, in large batches, and by runners that soon stop', async () => {
  await fc.assert(
    fc
      .asyncProperty(journey, async (chosen) => {
        const history = new History();
        const story = new Story(history);
        await story.concert();
        const resumed = await emptyModels();
        for (const [index, { step, fan, seat, number }] of chosen.entries()) {
          await steps[step]?.(story, fans[fan] ?? id(''), seats[seat] ?? '', number);
          if (index % eventsPerLife === 0 || index === chosen.length - 1) await projectOnce(history, resumed);
        }
        const single = await tables(await project(history, { batchSize: 1, clock }));
        const batched = await tables(await project(history, { batchSize: 500, clock }));
        expect(batched).toEqual(single);
        expect(await tables(resumed)).toEqual(single);
      })
      .afterEach(closeAll),
    { numRuns: bySize(4, 12) },
  );
});
