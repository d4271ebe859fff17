import type { Instant, SeatId } from '../../events/ids.js';
import type { Person } from './port.js';
import { formatInstant, type PaymentFailure, type ReasonOf, type Sentences } from './reasons.js';

/** At the beginning of a sentence. */
function subject(who: Person): string {
  if (who === 'you') return 'You';
  return who === 'another person' ? 'Another person' : `User ${who}`;
}

function object(who: Person): string {
  if (who === 'you') return 'you';
  return who === 'another person' ? 'another person' : `user ${who}`;
}

/** At the beginning of a sentence. */
function owner(who: Person): string {
  return who === 'you' ? 'Your' : `${subject(who)}’s`;
}

function seats(seatIds: readonly SeatId[]): string {
  return `${seatIds.length === 1 ? 'seat' : 'seats'} ${seatIds.join(', ')}`;
}

function failed(failure: PaymentFailure): string {
  switch (failure.kind) {
    case 'insufficient-points': {
      const { total, balance } = failure;
      if (balance === null) return `The payment failed: the wallet did not hold the ${total} points.`;
      return `The payment failed: the order cost ${total} points and the wallet held ${balance}. Charge ${total - balance} more and pay again.`;
    }
    case 'not-on-sale':
      return 'The payment failed: the organiser had cancelled the date.';
    case 'hold-lapsed':
      return `The payment failed: the hold of ${failure.seatId ?? 'a seat'} lapsed${at(failure.deadline)} before the order could take it.`;
    case 'seat-taken': {
      const { taken } = failure;
      const taker = taken
        ? `${object(taken.by)} held it at ${formatInstant(taken.at)}`
        : 'another person took it';
      return `The payment failed: the hold of ${failure.seatId ?? 'a seat'} had lapsed${at(failure.deadline)}, and ${taker}.`;
    }
  }
}

function at(deadline: Instant | null): string {
  return deadline === null ? '' : ` at ${formatInstant(deadline)}`;
}

function seatNow(state: ReasonOf<'seat-now'>['state']): string {
  switch (state.kind) {
    case 'untouched':
      return 'Nobody has held this seat yet.';
    case 'free':
      return 'The seat is free.';
    case 'held':
      return `The seat is held by ${object(state.who)} until ${formatInstant(state.until)}.`;
    case 'sold':
      return `The seat is sold to ${object(state.who)}.`;
  }
}

function lost({ who, at, taken }: NonNullable<ReasonOf<'seat-now'>['lapse']>): string {
  const then = taken ? `, and ${object(taken.by)} held the seat at ${formatInstant(taken.at)}` : '';
  return `${owner(who)} hold lapsed at ${formatInstant(at)}, before it was paid for${then}.`;
}

const returned = {
  conflict: 'because one of the seats asked for was no longer free',
  released: 'as asked',
  'order-failed': 'because the payment failed',
  'order-cancelled': 'because the order was cancelled',
  'schedule-cancelled': 'because the organiser cancelled the date',
  'hall-changed': 'because the date moved to another hall',
} as const;

const cancelled = {
  fan: 'by the fan',
  operator: 'by an operator',
  'schedule-cancelled': 'because the organiser cancelled the date',
  'date-changed': 'because the date or the hall changed',
} as const;

export const english: Sentences = {
  'seat-held': ({ who, until, lapse }) => {
    const before = lapse ? ` ${owner(lapse.who)} hold had lapsed at ${formatInstant(lapse.at)}.` : '';
    return `${subject(who)} held the seat, until ${formatInstant(until)} at most.${before}`;
  },
  'hold-lapsed': ({ who, at }) =>
    `${owner(who)} hold lapsed: the seat was not paid for before the deadline ${formatInstant(at)}.`,
  'hold-released': ({ who, why }) => `${owner(who)} hold was given up, ${returned[why]}.`,
  'seat-sold': ({ who }) => `The seat was sold to ${object(who)}.`,
  'reservation-cancelled': ({ who, why }) =>
    `${owner(who)} reservation was undone, ${returned[why]}. The seat was free again.`,
  'seat-now': ({ state, lapse }) => `${seatNow(state)}${lapse ? ` ${lost(lapse)}` : ''}`,
  'order-placed': ({ who, seats: count, total }) =>
    `${subject(who)} ordered ${count} ${count === 1 ? 'seat' : 'seats'} for ${total} points.`,
  'order-unpaid': () => 'The order is being paid.',
  'order-paid': ({ total }) => `The order was paid with ${total} points: the seats are sold.`,
  'order-failed': ({ failure }) => failed(failure),
  'order-cancelled': ({ cause, note }) =>
    `The order was cancelled ${cancelled[cause]}${note === null ? '' : ` (${note})`}: its seats are given back and its points come back.`,
  'order-items-cancelled': ({ cause, note, seatIds, amount }) =>
    `${seatIds.join(', ')} of the order ${seatIds.length === 1 ? 'was' : 'were'} given back ${cancelled[cause]}${note === null ? '' : ` (${note})`}: ${amount} points come back, the rest of the order stands.`,
  'order-items-refunded': ({ amount }) => `${amount} points went back to the wallet.`,
  'order-refunded': ({ amount }) =>
    amount === 0
      ? 'The order was closed. No points had been taken.'
      : `The order was closed: ${amount} points went back to the wallet.`,
  'queue-joined': ({ who, tickets }) =>
    `${subject(who)} joined the queue for ${tickets} ${tickets === 1 ? 'ticket' : 'tickets'}.`,
  'number-given': ({ who, number }) => `${subject(who)} got queue number ${number}.`,
  'place-drawn': ({ who, place }) =>
    `The queue opened, and the places of fans who had joined before were drawn: ${object(who)} got place ${place}.`,
  'turn-waiting': ({ who }) => `${owner(who)} turn has not come yet.`,
  'turn-came': ({ who, enterBefore }) =>
    `${owner(who)} turn came, with time to enter until ${formatInstant(enterBefore)}.`,
  'turn-entered': ({ who, until }) => `${subject(who)} entered, with time until ${formatInstant(until)}.`,
  'seats-asked': ({ who, seatIds, until }) =>
    `${subject(who)} asked for ${seats(seatIds)}, to be held until ${formatInstant(until)}.`,
  'seats-returned': ({ seatIds, why, deadline }) =>
    why === 'expired'
      ? `The hold of ${seats(seatIds)} lapsed${at(deadline)} without a payment.`
      : `The hold of ${seats(seatIds)} was given up, ${returned[why]}.`,
  'turn-completed': ({ who }) => `${subject(who)} paid: the turn is complete.`,
  'turn-not-taken': ({ who, window }) => {
    const reason = window
      ? `it came at ${formatInstant(window.from)}, and the time to enter ended at ${formatInstant(window.until)}`
      : 'the time to enter ended';
    return `${owner(who)} turn was lost: ${reason}.`;
  },
  'time-used-up': ({ who, until }) =>
    `${owner(who)} turn was lost: its time ended${at(until)} without a payment.`,
  'turn-idle': ({ who }) => `${owner(who)} turn was lost: no seat was held for too long.`,
  'turn-unpaid': ({ who }) => `${owner(who)} turn was lost: too many holds ended without a payment.`,
  'queue-was-full': ({ who }) => `${owner(who)} place was not kept, because the queue was full.`,
  'sale-ended': ({ who }) => `${owner(who)} turn did not come before the sale ended.`,
  'queue-left': ({ who }) => `${subject(who)} left the queue and gave up the place.`,
};
