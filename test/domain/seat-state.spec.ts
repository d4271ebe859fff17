import { type HoldStatus, isFree, isReservedBy, statusOfHold } from '../../src/domain/seat.js';
import type { SeatEvent } from '../../src/events/seat-events.js';
import { at } from './given.js';
import {
  barred,
  cancelled,
  deadline,
  expired,
  held,
  holdId,
  past,
  released,
  reserved,
} from './seat-story.js';

const mina = { holdId: holdId('mina'), expiresAt: at(deadline) };

it.each<[string, SeatEvent[], HoldStatus]>([
  ['never had the seat', [], 'untouched'],
  ['has it', [held('mina')], 'held'],
  ['bought it', [held('mina'), reserved('mina')], 'reserved'],
  ['was released', [held('mina'), released('mina')], 'ended'],
  ['lapsed', [held('mina'), expired('mina')], 'ended'],
  ['was barred', [barred('mina')], 'ended'],
  ['was barred before somebody else held the seat', [barred('mina'), held('jun')], 'ended'],
  [
    'bought it and was refunded',
    [held('mina'), reserved('mina'), cancelled('mina', 'order-failed')],
    'ended',
  ],
  ['finds the seat held by somebody else', [held('jun')], 'untouched'],
  ['finds the seat bought by somebody else', [held('jun'), reserved('jun')], 'untouched'],
])('a hold that %s', (_, history, expected) => {
  const { state } = past(...history);
  expect(statusOfHold(state, mina)).toBe(expected);
  expect(isReservedBy(state, mina.holdId)).toBe(expected === 'reserved');
});

it.each<[string, SeatEvent[], number, boolean]>([
  ['nobody held it', [], 0, true],
  ['its hold lives', [held('mina')], deadline - 1, false],
  ['its hold has reached its deadline', [held('mina')], deadline, true],
  ['it is bought, for ever', [held('mina'), reserved('mina')], deadline + 1, false],
])('a seat is free or not when %s', (_, history, ms, free) => {
  expect(isFree(past(...history).state, at(ms))).toBe(free);
});
