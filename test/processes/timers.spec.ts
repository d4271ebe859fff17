import { type HoldId, holdIdSchema, toInstant, tokenIdSchema } from '../../src/events/ids.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { type Deadline, InProcessTimers } from '../../src/processes/timers.js';
import { ManualClock } from '../commands/manual-clock.js';

const tokenId = tokenIdSchema.parse(deriveId('a token'));
const holdIdOf = (name: string): HoldId => holdIdSchema.parse(deriveId('hold', name));

describe('timers in the process', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  async function world() {
    const clock = new ManualClock();
    const timers = new InProcessTimers(clock);
    const fired: Deadline[] = [];
    await timers.start(async (deadline) => void fired.push(deadline));
    const at = (name: string, offsetMs: number): Deadline => ({
      kind: 'hold',
      tokenId,
      holdId: holdIdOf(name),
      dueAt: toInstant(clock.nowMs() + offsetMs),
    });
    return { timers, fired, at };
  }

  it('fire at their deadline, at once when it has passed, and not after a stop', async () => {
    const { timers, fired, at } = await world();
    const [later, past, stopped] = [at('later', 1000), at('past', -5), at('stopped', 2000)];
    await timers.schedule([later, past, stopped]);
    jest.advanceTimersByTime(999);
    expect(fired).toEqual([past]);
    jest.advanceTimersByTime(1);
    expect(fired).toEqual([past, later]);
    await timers.stop();
    await timers.schedule([at('after the stop', 1000)]);
    jest.advanceTimersByTime(5000);
    expect(fired).toEqual([past, later]);
  });

  it('keep one for each hold: the later deadline replaces the earlier', async () => {
    const { timers, fired, at } = await world();
    const second = at('hold', 2000);
    await timers.schedule([at('hold', 1000)]);
    await timers.schedule([second]);
    jest.advanceTimersByTime(2000);
    expect(fired).toEqual([second]);
  });

  it('are restored once: they are lost with the process only', async () => {
    const { timers, fired, at } = await world();
    const [one, two] = [at('one', 1000), at('two', 1000)];
    async function* live() {
      yield [one];
      yield [two];
    }
    await timers.restore(live);
    jest.advanceTimersByTime(1000);
    await timers.restore(live);
    jest.advanceTimersByTime(1000);
    expect(fired).toEqual([one, two]);
  });
});
