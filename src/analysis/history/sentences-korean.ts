import type { Instant, SeatId } from '../../events/ids.js';
import type { Person } from './port.js';
import { formatInstant, type PaymentFailure, type ReasonOf, type Sentences } from './reasons.js';

function name(who: Person): string {
  if (who === 'you') return '고객님';
  return who === 'another person' ? '다른 고객' : `사용자 ${who}`;
}

/** With the subject particle, which depends on the name's last letter. */
function subject(who: Person): string {
  return who === 'you' || who === 'another person' ? `${name(who)}이` : `${name(who)}이(가)`;
}

/** With the particle of a receiver, honorific for the reader. */
function receiver(who: Person): string {
  return who === 'you' ? `${name(who)}께` : `${name(who)}에게`;
}

function seats(seatIds: readonly SeatId[]): string {
  return `좌석 ${seatIds.join(', ')}`;
}

function failed(failure: PaymentFailure): string {
  switch (failure.kind) {
    case 'insufficient-points': {
      const { total, balance } = failure;
      if (balance === null) return `결제 실패: 보유 포인트가 주문 금액인 ${total}포인트보다 적었습니다.`;
      return `결제 실패: 주문 금액은 ${total}포인트인데 보유 포인트는 ${balance}포인트였습니다. ${total - balance}포인트를 더 충전한 뒤 다시 결제해 주세요.`;
    }
    case 'not-on-sale':
      return '결제 실패: 주최 측이 회차를 취소했습니다.';
    case 'hold-lapsed':
      return `결제 실패: 결제가 완료되기 전에 ${seatOf(failure)}의 선점이 ${at(failure.deadline)}만료되었습니다.`;
    case 'seat-taken': {
      const { taken } = failure;
      const taker = taken ? `${subject(taken.by)} ${formatInstant(taken.at)}에` : '다른 고객이';
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
      return '현재 비어 있는 좌석입니다.';
    case 'held':
      return `${subject(state.who)} ${formatInstant(state.until)}까지 선점하고 있는 좌석입니다.`;
    case 'sold':
      return `${receiver(state.who)} 판매된 좌석입니다.`;
  }
}

function lost({ who, at: deadline, taken }: NonNullable<ReasonOf<'seat-now'>['lapse']>): string {
  const then = taken
    ? `되었고, ${subject(taken.by)} ${formatInstant(taken.at)}에 선점했습니다`
    : '되었습니다';
  return `${name(who)}의 선점은 결제되지 않은 채 ${formatInstant(deadline)}에 만료${then}.`;
}

const returned = {
  conflict: '요청한 좌석 가운데 이미 선점된 좌석이 있어',
  released: '요청에 따라',
  'order-failed': '결제에 실패하여',
  'order-cancelled': '주문이 취소되어',
  'schedule-cancelled': '주최 측이 회차를 취소하여',
  'hall-changed': '공연장이 바뀌어',
} as const;

const cancelled = {
  fan: '구매자 요청으로',
  operator: '운영자에 의해',
  'schedule-cancelled': '주최 측이 회차를 취소하여',
  'date-changed': '공연 일시 또는 장소가 바뀌어',
} as const;

export const korean: Sentences = {
  'seat-held': ({ who, until, lapse }) => {
    const before = lapse ? ` ${name(lapse.who)}의 선점은 ${formatInstant(lapse.at)}에 만료되었습니다.` : '';
    return `${subject(who)} 좌석을 선점했습니다. 선점은 ${formatInstant(until)}까지 유효합니다.${before}`;
  },
  'hold-lapsed': ({ who, at: deadline }) =>
    `${name(who)}의 선점이 만료되었습니다. 기한인 ${formatInstant(deadline)}까지 결제가 완료되지 않았습니다.`,
  'hold-released': ({ who, why }) => `${returned[why]} ${name(who)}의 선점이 해제되었습니다.`,
  'seat-sold': ({ who }) => `좌석이 ${receiver(who)} 판매되었습니다.`,
  'reservation-cancelled': ({ who, why }) =>
    `${returned[why]} ${name(who)}의 예매가 취소되었습니다. 좌석은 다시 선택할 수 있습니다.`,
  'seat-now': ({ state, lapse }) => `${seatNow(state)}${lapse ? ` ${lost(lapse)}` : ''}`,
  'order-placed': ({ who, seats: count, total }) =>
    `${subject(who)} 좌석 ${count}석을 ${total}포인트에 주문했습니다.`,
  'order-unpaid': () => '결제가 진행 중입니다.',
  'order-paid': ({ total }) => `${total}포인트로 결제가 완료되어 예매가 확정되었습니다.`,
  'order-failed': ({ failure }) => failed(failure),
  'order-cancelled': ({ cause, note }) =>
    `${cancelled[cause]} 주문이 취소되었습니다${note === null ? '' : `(${note})`}. 좌석은 반납되고 포인트는 환불됩니다.`,
  'order-items-cancelled': ({ cause, note, seatIds, amount }) =>
    `${cancelled[cause]} 주문의 좌석 ${seatIds.join(', ')}이(가) 취소되었습니다${note === null ? '' : `(${note})`}. ${amount}포인트가 환불되며 나머지 좌석은 그대로 유지됩니다.`,
  'order-items-refunded': ({ amount }) => `${amount}포인트가 지갑으로 환불되었습니다.`,
  'order-refunded': ({ amount }) =>
    amount === 0
      ? '주문이 종료되었습니다. 차감된 포인트는 없었습니다.'
      : `주문이 종료되었으며 ${amount}포인트가 환불되었습니다.`,
  'queue-joined': ({ who, tickets }) =>
    `${subject(who)} 티켓 ${tickets}장을 구매하려고 대기열에 들어왔습니다.`,
  'number-given': ({ who, number }) => `${subject(who)} 대기 번호 ${number}번을 받았습니다.`,
  'place-drawn': ({ who, place }) =>
    `대기열이 열리면서 미리 들어온 고객들의 순서를 추첨했습니다. ${name(who)}의 순서는 ${place}번입니다.`,
  'turn-waiting': ({ who }) => `${name(who)}의 차례가 아직 오지 않았습니다.`,
  'turn-came': ({ who, enterBefore }) =>
    `${name(who)}의 차례가 되었습니다. ${formatInstant(enterBefore)} 전에 입장해야 합니다.`,
  'turn-entered': ({ who, until }) =>
    `${subject(who)} 입장했습니다. ${formatInstant(until)}까지 이용할 수 있습니다.`,
  'seats-asked': ({ who, seatIds, until }) =>
    `${subject(who)} ${seats(seatIds)}의 선점을 요청했습니다. 선점 기한은 ${formatInstant(until)}입니다.`,
  'seats-returned': ({ seatIds, why, deadline }) =>
    why === 'expired'
      ? `${seats(seatIds)}의 선점이 ${at(deadline)}만료되었습니다. 기한까지 결제가 완료되지 않았습니다.`
      : `${returned[why]} ${seats(seatIds)}의 선점이 해제되었습니다.`,
  'turn-completed': ({ who }) => `${subject(who)} 결제를 마쳐 이용이 종료되었습니다.`,
  'turn-not-taken': ({ who, window }) => {
    const reason = window
      ? `${formatInstant(window.from)}에 차례가 되었지만 ${formatInstant(window.until)} 전까지 입장하지 않았습니다.`
      : '제때 입장하지 않았습니다.';
    return `${name(who)}의 차례가 지나갔습니다. ${reason}`;
  },
  'time-used-up': ({ who, until }) =>
    `${name(who)}의 이용 시간이 ${at(until)}끝났습니다. 결제는 완료되지 않았습니다.`,
  'turn-idle': ({ who }) => `${name(who)}의 차례가 종료되었습니다. 너무 오래 좌석을 선점하지 않았습니다.`,
  'turn-unpaid': ({ who }) => `${name(who)}의 차례가 종료되었습니다. 결제하지 않은 선점이 너무 많았습니다.`,
  'queue-was-full': ({ who }) => `대기열이 가득 차서 ${subject(who)} 대기열에 들어가지 못했습니다.`,
  'sale-ended': ({ who }) => `판매가 종료되어 ${name(who)}의 차례가 오지 않았습니다.`,
  'queue-left': ({ who }) => `${subject(who)} 대기열에서 나가 순서를 포기했습니다.`,
};
