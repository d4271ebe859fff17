import { ItemBackOff } from '../../src/processes/item-back-off.js';
import { ManualClock } from '../commands/manual-clock.js';
import { RecordedLog } from './support.js';

const delays = { firstMs: 1_000, maxMs: 8_000 };
const away = new Error('the store is away');

let clock: ManualClock;
let log: RecordedLog;
let items: ItemBackOff;

beforeEach(() => {
  clock = new ManualClock();
  log = new RecordedLog();
  items = new ItemBackOff('sweep', delays, clock, log);
});

/** Fails whenever it is due. @returns the seconds at which it was tried. */
function failWheneverDue(key: string, seconds: number): number[] {
  const tried: number[] = [];
  for (let second = 0; second < seconds; second++) {
    if (items.isDue(key)) {
      tried.push(second);
      items.failed(key, away);
    }
    clock.advance(1_000);
  }
  return tried;
}

describe('an item that fails', () => {
  it('is due after twice the time of before, up to the longest', () => {
    expect(failWheneverDue('one', 32)).toEqual([0, 1, 3, 7, 15, 23, 31]);
    expect(items.isDue('another')).toBe(true);
  });

  it('is logged when it begins to fail and when it works again, however often it fails in between', () => {
    failWheneverDue('one', 16);
    expect(items.failing).toBe(1);
    expect(items.failures).toBe(5);
    items.worked('one');
    items.worked('one');
    expect(items.failing).toBe(0);
    expect(log.lines).toMatchObject([
      { level: 'error', details: { process: 'sweep', item: 'one', err: away } },
      { level: 'info', details: { process: 'sweep', item: 'one', failures: 5 } },
    ]);
    items.failed('one', away);
    expect(log.lines).toHaveLength(3);
  });

  it('waits no longer when a timer tries it before it is due', () => {
    items.failed('one', away);
    items.failed('one', away);
    items.failed('one', away);
    clock.advance(1_000);
    expect(items.isDue('one')).toBe(true);
  });

  it('is due at once when another that failed for the same cause works again', () => {
    failWheneverDue('one', 8);
    items.failed('two', away);
    items.failed('poisoned', new Error('never'));
    expect(items.isDue('one')).toBe(false);
    items.worked('two');
    expect(items.isDue('one')).toBe(true);
    expect(items.isDue('poisoned')).toBe(false);
    items.failed('one', away);
    expect(items.isDue('one')).toBe(true);
    clock.advance(1);
    items.failed('one', away);
    expect(items.isDue('one')).toBe(false);
  });

  it('is due when the clock was set back', () => {
    items.failed('one', away);
    clock.advance(-60_000);
    expect(items.isDue('one')).toBe(true);
  });

  it('counts no longer when no run has asked for it for twice the longest delay: it was done elsewhere', () => {
    items.failed('one', away);
    clock.advance(16_000);
    expect(items.failing).toBe(1);
    items.isDue('one');
    clock.advance(16_000);
    expect(items.failing).toBe(1);
    clock.advance(1);
    expect(items.failing).toBe(0);
    expect(log.lines.map(({ level }) => level)).toEqual(['error', 'info']);
  });
});

describe('many items that fail', () => {
  it('are logged one by one up to twenty, the others with one line; the end of all is logged', () => {
    for (let item = 0; item < 1_000; item++) items.failed(String(item), away);
    expect(items.failing).toBe(1_000);
    expect(log.lines).toHaveLength(21);
    for (let item = 0; item < 1_000; item++) items.worked(String(item));
    expect(log.lines).toHaveLength(21 + 20 + 1);
    expect(log.lines.at(-1)).toMatchObject({ level: 'info', details: { process: 'sweep' } });
    items.failed('later', away);
    expect(log.lines.at(-1)?.message).toMatch(/^an item fails/);
  });

  it('take a bounded memory: the one not heard of for longest is forgotten', () => {
    for (let item = 0; item <= 10_000; item++) items.failed(String(item), away);
    expect(items.failing).toBe(10_000);
    expect([items.isDue('0'), items.isDue('1')]).toEqual([true, false]);
  });

  it('are remembered with the last twenty causes that are over', () => {
    const causeNumber = (number: number) => new Error(`cause ${number}`);
    for (let number = 0; number <= 20; number++) {
      items.failed(`waits for ${number}`, causeNumber(number));
      items.failed(`shows ${number}`, causeNumber(number));
    }
    for (let number = 0; number <= 20; number++) items.worked(`shows ${number}`);
    expect([0, 1, 20].map((number) => items.isDue(`waits for ${number}`))).toEqual([false, true, true]);
  });
});
