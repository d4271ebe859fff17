import { isFree, isOf, isOver, isReservedBy, knowsHold } from '../../src/domain/seat.js';
import type { SeatEvent } from '../../src/events/seat-events.js';
import { at } from './given.js';
import { barred, deadline, expired, held, holdId, past, released, reserved } from './seat-story.js';

const mina = { holdId: holdId('mina'), expiresAt: at(deadline) };

it.each<[string, SeatEvent[], { has: boolean; bought: boolean; knows: boolean; over: boolean }]>([
  ['that never had the seat', [], { has: false, bought: false, knows: false, over: false }],
  ['that has it', [held('mina')], { has: true, bought: false, knows: true, over: false }],
  ['that bought it', [held('mina'), reserved('mina')], { has: true, bought: true, knows: true, over: false }],
  [
    'that was released',
    [held('mina'), released('mina')],
    { has: false, bought: false, knows: true, over: true },
  ],
  ['that lapsed', [held('mina'), expired('mina')], { has: false, bought: false, knows: true, over: true }],
  ['that was barred', [barred('mina')], { has: false, bought: false, knows: true, over: true }],
  [
    'that is another’s',
    [held('jun'), reserved('jun')],
    { has: false, bought: false, knows: false, over: false },
  ],
])('the seat knows of a hold %s', (_, history, expected) => {
  const { state } = past(...history);
  expect({
    has: isOf(state, mina.holdId),
    bought: isReservedBy(state, mina.holdId),
    knows: knowsHold(state, mina),
    over: isOver(state, mina),
  }).toEqual(expected);
});

it.each<[string, SeatEvent[], number, boolean]>([
  ['nobody held it', [], 0, true],
  ['its hold lives', [held('mina')], deadline - 1, false],
  ['its hold has reached its deadline', [held('mina')], deadline, true],
  ['it is bought, for ever', [held('mina'), reserved('mina')], deadline + 1, false],
])('a seat is free or not when %s', (_, history, ms, free) => {
  expect(isFree(past(...history).state, at(ms))).toBe(free);
});
