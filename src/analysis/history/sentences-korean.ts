import type { Instant, SeatId } from '../../events/ids.js';
import type { Person } from './port.js';
import { formatInstant, type PaymentFailure, type ReasonOf, type Sentences } from './reasons.js';

function name(who: Person): string {
  if (who === 'you') return '고객님';
  return who === 'another person' ? '다른 고객님' : `사용자 ${who}`;
}

/** With the subject particle, which depends on the name's last letter. */
function subject(who: Person): string {
  return who === 'you' || who === 'another person' ? `${name(who)}이` : `${name(who)}이(가)`;
}

function seats(seatIds: readonly SeatId[]): string {
  return `좌석 ${seatIds.join(', ')}`;
}

function failed(failure: PaymentFailure): string {
  switch (failure.kind) {
    case 'insufficient-points': {
      const { total, balance } = failure;
      if (balance === null) return `결제 실패: 지갑에 ${total}포인트가 없었습니다.`;
      return `결제 실패: 주문 금액은 ${total}포인트였지만 지갑에는 ${balance}포인트가 있었습니다. ${total - balance}포인트를 더 충전한 뒤 다시 결제해 주세요.`;
    }
    case 'hold-lapsed':
      return `결제 실패: 주문이 ${seatOf(failure)}을(를) 확보하기 전에 선점이 ${at(failure.deadline)}만료되었습니다.`;
    case 'seat-taken': {
      const { taken } = failure;
      const taker = taken ? `${subject(taken.by)} ${formatInstant(taken.at)}에` : '다른 고객님이';
      return `결제 실패: ${seatOf(failure)}의 선점이 ${at(failure.deadline)}만료되었고, ${taker} 그 좌석을 선점했습니다.`;
    }
  }
}

function seatOf({ seatId }: { readonly seatId: SeatId | null }): string {
  return seatId === null ? '좌석' : seats([seatId]);
}

function at(deadline: Instant | null): string {
  return deadline === null ? '' : `${formatInstant(deadline)}에 `;
}

function seatNow(state: ReasonOf<'seat-now'>['state']): string {
  switch (state.kind) {
    case 'untouched':
      return '아직 아무도 선점하지 않은 좌석입니다.';
    case 'free':
      return '비어 있는 좌석입니다.';
    case 'held':
      return `${subject(state.who)} ${formatInstant(state.until)}까지 선점 중인 좌석입니다.`;
    case 'sold':
      return `${name(state.who)}에게 판매된 좌석입니다.`;
  }
}

function lost({ who, at: deadline, taken }: NonNullable<ReasonOf<'seat-now'>['lapse']>): string {
  const then = taken
    ? `되었고, ${subject(taken.by)} ${formatInstant(taken.at)}에 선점했습니다`
    : '되었습니다';
  return `${name(who)}의 선점은 결제되지 않은 채 ${formatInstant(deadline)}에 만료${then}.`;
}

const returned = {
  conflict: '요청한 좌석 중 하나가 이미 비어 있지 않아',
  released: '요청에 따라',
  'order-failed': '결제가 실패하여',
  'order-cancelled': '주문이 취소되어',
} as const;

export const korean: Sentences = {
  'seat-held': ({ who, until, lapse }) => {
    const before = lapse ? ` ${name(lapse.who)}의 선점은 ${formatInstant(lapse.at)}에 만료되었습니다.` : '';
    return `${subject(who)} 최대 ${formatInstant(until)}까지 좌석을 선점했습니다.${before}`;
  },
  'hold-lapsed': ({ who, at: deadline }) =>
    `${name(who)}의 선점이 만료되었습니다: 결제되지 않은 채 기한 ${formatInstant(deadline)}이(가) 지났습니다.`,
  'hold-released': ({ who, why }) => `${returned[why]} ${name(who)}의 선점이 해제되었습니다.`,
  'seat-sold': ({ who }) => `좌석이 ${name(who)}에게 판매되었습니다.`,
  'reservation-cancelled': ({ who, why }) =>
    `${returned[why]} ${name(who)}의 예매가 취소되었습니다. 좌석은 다시 비었습니다.`,
  'seat-now': ({ state, lapse }) => `${seatNow(state)}${lapse ? ` ${lost(lapse)}` : ''}`,
  'order-placed': ({ who, seats: count, total }) =>
    `${subject(who)} 좌석 ${count}개를 ${total}포인트에 주문했습니다.`,
  'order-unpaid': () => '주문이 결제 진행 중입니다.',
  'order-paid': ({ total }) => `${total}포인트로 결제되었고 좌석이 판매되었습니다.`,
  'order-failed': ({ failure }) => failed(failure),
  'order-cancelled': () => '주문이 취소되었습니다: 좌석은 다시 판매되고 포인트는 환불됩니다.',
  'order-refunded': ({ amount }) =>
    amount === 0
      ? '주문이 종료되었습니다. 차감된 포인트는 없었습니다.'
      : `주문이 종료되었고 ${amount}포인트가 지갑으로 환불되었습니다.`,
  'queue-joined': ({ who, tickets }) => `${subject(who)} 티켓 ${tickets}장을 위해 대기열에 들어왔습니다.`,
  'number-given': ({ who, number }) => `${subject(who)} 대기 번호 ${number}번을 받았습니다.`,
  'place-drawn': ({ who, place }) =>
    `대기열이 열리면서 먼저 온 고객들의 순서를 추첨했습니다: ${name(who)}의 순서는 ${place}번입니다.`,
  'turn-waiting': ({ who }) => `${name(who)}의 차례가 아직 오지 않았습니다.`,
  'turn-came': ({ who, enterBefore }) =>
    `${name(who)}의 차례가 되었습니다. ${formatInstant(enterBefore)} 전에 입장해야 합니다.`,
  'turn-entered': ({ who, until }) =>
    `${subject(who)} 입장했습니다. ${formatInstant(until)}까지 이용할 수 있습니다.`,
  'seats-asked': ({ who, seatIds, until }) =>
    `${subject(who)} ${seats(seatIds)}을(를) ${formatInstant(until)}까지 선점하도록 요청했습니다.`,
  'seats-returned': ({ seatIds, why, deadline }) =>
    why === 'expired'
      ? `${seats(seatIds)}의 선점이 ${at(deadline)}만료되었습니다: 그때까지 결제되지 않았습니다.`
      : `${returned[why]} ${seats(seatIds)}의 선점이 해제되었습니다.`,
  'turn-completed': ({ who }) => `${subject(who)} 결제를 마쳐 차례가 끝났습니다.`,
  'turn-not-taken': ({ who, window }) => {
    const when = window ? ` ${formatInstant(window.from)}에 차례가 되었지만` : '';
    const until = window ? ` ${formatInstant(window.until)} 전까지` : '';
    return `${name(who)}의 차례가 사라졌습니다:${when}${until} 입장하지 않았습니다.`;
  },
  'time-used-up': ({ who, until }) =>
    `${name(who)}의 차례가 사라졌습니다: 결제하지 않은 채 이용 시간이 ${at(until)}끝났습니다.`,
  'queue-was-full': ({ who }) => `대기열이 가득 차 ${name(who)}의 자리가 유지되지 않았습니다.`,
  'sale-ended': ({ who }) => `판매가 끝나 ${name(who)}의 차례가 오지 않았습니다.`,
  'queue-left': ({ who }) => `${subject(who)} 대기열을 떠나 자리를 포기했습니다.`,
};
