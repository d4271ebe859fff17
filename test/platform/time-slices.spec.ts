import { setImmediate as nextTurn } from 'node:timers/promises';
import { inSlices } from '../../src/platform/time-slices.js';

/** Keeps the event loop for some milliseconds. */
function work(ms: number): void {
  const endsAtMs = performance.now() + ms;
  while (performance.now() < endsAtMs);
}

it('does short work at once', async () => {
  const done: number[] = [];
  const over = inSlices([1, 2, 3], (item) => done.push(item));
  expect(done).toEqual([1, 2, 3]);
  await over;
});

it('lets other work have its turn while a long piece is done, in order', async () => {
  const done: number[] = [];
  const items = Array.from({ length: 100 }, (_, item) => item);
  const over = inSlices(items, (item) => {
    work(1);
    done.push(item);
  });
  const atFirst = done.length;
  await nextTurn();
  expect(atFirst).toBeLessThan(100);
  expect(done.length).toBeLessThan(100);
  await over;
  expect(done).toEqual(items);
});

it('takes pieces of work in turns, one slice in each turn of the event loop', async () => {
  const order: string[] = [];
  const long = (name: string) =>
    inSlices(Array.from({ length: 48 }), () => {
      work(1);
      order.push(name);
    });
  const [one, other] = [long('one'), long('other')];
  const before = order.length;
  await nextTurn();
  // The second piece waits for the slice of the first one to end.
  expect(new Set(order.slice(0, before))).toEqual(new Set(['one']));
  await Promise.all([one, other]);
  expect(order.indexOf('other')).toBeLessThan(order.lastIndexOf('one'));
});

it('tells what the work throws, and goes on with other work', async () => {
  const tried: number[] = [];
  const fails = inSlices([1, 2, 3], (item) => {
    tried.push(item);
    throw new Error('no');
  });
  await expect(fails).rejects.toThrow('no');
  await nextTurn();
  expect(tried).toEqual([1]);
  const done: number[] = [];
  await inSlices([1, 2], (item) => done.push(item));
  expect(done).toEqual([1, 2]);
});
