import type { ProblemCode } from './problem-kinds.js';

/** What a problem's `details` say in one occurrence: ids, amounts, moments. */
export type Facts = Readonly<Record<string, unknown>>;

interface KoreanText {
  readonly title: string;
  readonly advice: string;
  /** The detail of one occurrence, from its facts; undefined: the advice says enough. */
  readonly detail?: (facts: Facts) => string | undefined;
}

const text = (title: string, advice: string, detail?: KoreanText['detail']): KoreanText => ({
  title,
  advice,
  ...(detail === undefined ? {} : { detail }),
});

/** A detail that names the seat. */
const ofSeat =
  (sentence: (seat: string) => string) =>
  ({ seatId }: Facts): string | undefined =>
    typeof seatId === 'string' ? sentence(seatId) : undefined;

const points = (amount: number): string => `${amount.toLocaleString('ko-KR')}포인트`;

/** What `open` of account-in-use may name. */
const business: Readonly<Record<string, string>> = {
  holds: '선점한 좌석',
  orders: '처리 중인 주문',
  charges: '처리 중인 충전',
  tickets: '예매한 티켓',
  points: '포인트',
};

/** Title, advice and detail of every problem in Korean. */
export const koreanTexts: Record<ProblemCode, KoreanText> = {
  'login-id-taken': text('이미 사용 중인 아이디', '다른 아이디를 입력해 주세요.'),
  'invalid-credentials': text(
    '아이디 또는 비밀번호 오류',
    '아이디와 비밀번호를 확인하고 다시 시도해 주세요. 없는 아이디와 틀린 비밀번호는 구분하여 알려 드리지 않습니다.',
  ),
  'session-ended': text(
    '세션 종료',
    '다시 로그인해 주세요. 이미 사용한 리프레시 토큰을 다시 보내도 세션이 종료됩니다.',
  ),
  'session-unknown': text('없는 세션', '내 세션 목록에서 세션 ID를 확인해 주세요.'),
  'password-too-weak': text(
    '추측하기 쉬운 비밀번호',
    '다른 비밀번호를 입력해 주세요. 아이디와 같거나 많은 사람이 쓰는 비밀번호는 사용할 수 없습니다.',
  ),
  'user-unknown': text(
    '없는 사용자',
    '회원 가입을 먼저 해 주세요. 가입 직후라면 X-Wait-For-Position 헤더와 함께 다시 조회해 주세요.',
  ),
  'account-in-use': text(
    '아직 정리할 것이 남은 계정',
    '`open`에 적힌 선점, 주문, 충전이 끝날 때까지 기다리고 티켓은 취소해 주세요. 남은 포인트와 티켓을 포기하려면 `forfeit`를 사용해 주세요.',
    ({ open }) =>
      Array.isArray(open)
        ? `계정에 아직 남은 것이 있습니다: ${open.map((one) => business[String(one)] ?? one).join(', ')}. 선점, 주문, 충전은 먼저 끝나야 하고, 티켓은 취소할 수 있으며, 포인트와 티켓은 forfeit로 포기할 수 있습니다.`
        : undefined,
  ),
  'insufficient-points': text(
    '포인트 부족',
    '포인트를 충전한 뒤 새 멱등 키로 다시 결제해 주세요.',
    ({ needed, balance }) =>
      typeof needed === 'number' && typeof balance === 'number'
        ? `주문 금액은 ${points(needed)}인데 잔액은 ${points(balance)}입니다. ${points(needed - balance)} 이상 충전해 주세요.`
        : undefined,
  ),
  'wallet-full': text(
    '지갑 한도 초과',
    '지갑에 담을 수 있는 포인트에는 한도가 있습니다. 더 적은 금액을 충전해 주세요.',
  ),
  'wallet-closed': text('닫힌 지갑', '탈퇴 처리된 계정입니다. 새 계정을 만들어 주세요.'),
  'payment-declined': text('결제 거절', '다른 카드와 새 멱등 키로 다시 시도해 주세요.'),
  'charge-unknown': text(
    '없는 충전 내역',
    '충전 아이디를 확인해 주세요. 충전 직후라면 X-Wait-For-Position 헤더와 함께 다시 조회해 주세요.',
  ),
  'charge-not-settleable': text(
    '처리할 수 없는 충전 내역',
    '확인이 필요한(needs-attention) 충전만 처리할 수 있습니다. 목록을 확인하거나 잠시 기다려 주세요.',
  ),
  'idempotency-key-reused': text(
    '이미 사용한 멱등 키',
    '이 멱등 키는 다른 요청에 사용되었습니다. 새 키를 사용해 주세요.',
  ),
  'performance-unknown': text('없는 공연', '공연 목록에서 공연 아이디를 확인해 주세요.'),
  'schedule-unknown': text(
    '없는 회차',
    '회차 아이디를 확인해 주세요. 좌석은 대기열에 참여한 공연의 회차에서만 선점할 수 있습니다.',
  ),
  'not-on-sale': text(
    '판매 중이 아님',
    '취소되었거나 이미 시작했거나 끝난 공연입니다. 다른 회차나 공연을 선택해 주세요.',
  ),
  'sold-out': text(
    '매진',
    '모든 좌석이 판매되었습니다. 취소된 좌석이 나오면 대기열이 다시 열립니다. 나중에 다시 시도해 주세요.',
  ),
  'queue-full': text('대기열 정원 초과', '앞선 대기자들이 입장한 뒤 다시 시도해 주세요.'),
  'queue-not-open': text('대기열이 열리기 전', '대기열이 열릴 때까지 기다려 주세요.', ({ opensAt }) =>
    typeof opensAt === 'string' ? `대기열은 ${opensAt}에 열립니다.` : undefined,
  ),
  'too-many-entries': text(
    '대기열 참여 횟수 초과',
    '이 대기열에 참여할 수 있는 횟수를 모두 사용하여 더 이상 참여할 수 없습니다.',
  ),
  'seat-limit-reached': text('1인당 좌석 수 초과', '좌석 수를 줄이거나 선점한 좌석을 해제해 주세요.'),
  'token-unknown': text('없는 대기열 토큰', '먼저 이 공연의 대기열에 참여해 주세요.'),
  'token-waiting': text('입장 차례 전', '차례가 올 때까지 기다린 뒤 입장해 주세요.'),
  'token-ended': text(
    '차례 종료',
    '이용 시간이 끝났거나 이미 결제를 마쳤습니다. 대기열에 다시 참여해 주세요.',
  ),
  'seat-unknown': text(
    '없는 좌석',
    '좌석 배치도에서 좌석 아이디를 확인해 주세요.',
    ofSeat((seat) => `이 공연장에는 ${seat} 좌석이 없습니다. 좌석 배치도를 확인해 주세요.`),
  ),
  'seat-not-for-sale': text(
    '판매하지 않는 좌석',
    '가격이 정해지지 않았거나 배치도가 바뀐 좌석입니다. 다른 좌석을 선택해 주세요.',
    ofSeat((seat) => `${seat} 좌석은 판매하지 않습니다. 다른 좌석을 선택해 주세요.`),
  ),
  'companion-needs-wheelchair': text(
    '휠체어석 없는 동반석',
    '동반석은 휠체어석(`companionOf`)과 함께 선점하고 결제하고 취소해 주세요.',
    ({ seatId, companionOf }) =>
      typeof seatId === 'string' && typeof companionOf === 'string'
        ? `${seatId} 좌석은 휠체어석 ${companionOf}의 동반석입니다. 두 좌석을 함께 선점하고 결제하고 취소해 주세요.`
        : undefined,
  ),
  'seat-held': text(
    '선점된 좌석',
    '새 멱등 키로 다른 좌석을 선택해 주세요.',
    ofSeat((seat) => `${seat} 좌석은 다른 분이 선점했습니다. 다른 좌석을 선택해 주세요.`),
  ),
  'already-held': text(
    '이미 선점한 좌석',
    '그 선점으로 계속 진행해 결제하거나, 먼저 선점을 해제해 주세요.',
    ofSeat((seat) => `${seat} 좌석은 이미 고객님이 선점했습니다. 결제하거나 먼저 선점을 해제해 주세요.`),
  ),
  'seat-reserved': text(
    '판매된 좌석',
    '새 멱등 키로 다른 좌석을 선택해 주세요.',
    ofSeat((seat) => `${seat} 좌석은 이미 판매되었습니다. 다른 좌석을 선택해 주세요.`),
  ),
  'seat-cooling-down': text(
    '다시 선점할 수 없는 좌석',
    '조금 전에 결제하지 않고 놓은 좌석입니다. 다른 좌석을 선택하거나 `until` 이후에 다시 시도해 주세요.',
    ofSeat(
      (seat) =>
        `${seat} 좌석은 조금 전에 결제하지 않고 놓으셨습니다. 다른 좌석을 선택하거나 잠시 후 다시 시도해 주세요.`,
    ),
  ),
  'no-seats-available': text('남은 좌석 부족', '좌석 수를 줄이거나 다른 등급을 선택해 주세요.'),
  'hold-unknown': text('없는 선점 내역', '내 선점 목록에서 아이디를 확인해 주세요.'),
  'hold-ended': text('종료된 선점', '새 멱등 키로 좌석을 다시 선점해 주세요.'),
  'hold-in-progress': text('선점 처리 중', '좌석을 선점하는 중입니다. 잠시 후 같은 요청을 다시 보내 주세요.'),
  'nothing-to-pay': text('결제할 좌석 없음', '먼저 좌석을 선점해 주세요.'),
  'order-unknown': text('없는 주문', '내 주문 목록에서 주문 아이디를 확인해 주세요.'),
  'order-not-cancellable': text(
    '취소할 수 없는 주문',
    '결제가 끝난 주문만, 첫 회차가 시작하기 전까지 취소할 수 있습니다.',
  ),
  'hold-lapsed': text(
    '선점 시간 만료',
    '선점 시간이 지났고 포인트는 차감되지 않았습니다. 좌석을 다시 선점해 주세요.',
    ofSeat((seat) => `${seat} 좌석의 선점 시간이 지났습니다. 좌석을 다시 선점해 주세요.`),
  ),
  'seat-taken': text(
    '다른 분에게 넘어간 좌석',
    '선점 시간이 지나 다른 분이 좌석을 선점했고 포인트는 차감되지 않았습니다. 다른 좌석을 선택해 주세요.',
    ofSeat(
      (seat) => `${seat} 좌석은 선점 시간이 지난 뒤 다른 분에게 넘어갔습니다. 다른 좌석을 선택해 주세요.`,
    ),
  ),
  'seed-mismatch': text('시드 불일치', '운영자용: 대기열의 시드가 미리 공개한 해시와 일치하지 않습니다.'),
  'places-out-of-order': text(
    '입장 순서 오류',
    '운영자용: 대기 순서대로, 정해진 인원과 속도 안에서만 입장시킬 수 있습니다.',
  ),
  'operator-key-unknown': text('없는 운영자 키', '운영자용: 키 목록에서 아이디를 확인해 주세요.'),
  'too-many-operator-keys': text('운영자 키 수 초과', '운영자용: 더 이상 필요 없는 키를 폐기해 주세요.'),
  'last-owner-key': text(
    '마지막 소유자 키',
    '운영자용: 다른 소유자 키를 먼저 발급해 주세요. 그러지 않으면 아무도 키를 발급할 수 없습니다.',
  ),
  busy: text(
    '요청이 많아 처리할 수 없음',
    'Retry-After에 적힌 시간(초)이 지난 뒤 같은 멱등 키로 다시 요청해 주세요.',
  ),
  'validation-failed': text('잘못된 입력', '`errors`에 적힌 항목을 고친 뒤 다시 요청해 주세요.'),
  'malformed-json': text(
    '잘못된 JSON',
    'UTF-8로 인코딩한 올바른 JSON을 보내 주세요. 한 객체에 같은 필드를 두 번 쓸 수 없습니다.',
  ),
  'malformed-request': text('잘못된 요청', 'URL, 헤더, 본문을 확인해 주세요.'),
  'request-timeout': text(
    '요청 전송 시간 초과',
    '요청이 제시간에 도착하지 않아 처리하지 않았습니다. 다시 보내 주세요.',
  ),
  'headers-too-large': text('너무 큰 헤더', '헤더는 모두 합해 16KiB까지 보낼 수 있습니다.'),
  unauthenticated: text(
    '인증 필요',
    '로그인하거나 토큰을 갱신하여 유효한 액세스 토큰을 Bearer 토큰으로 보내 주세요. 운영자는 운영자 키를 보냅니다.',
  ),
  forbidden: text('권한 없음', '허용되지 않은 요청입니다. 결제 콜백에는 서명이 있어야 합니다.'),
  'operator-role-missing': text(
    '역할 권한 없음',
    '운영자용: `roles`에 적힌 역할의 키를 사용하거나 소유자에게 문의해 주세요.',
  ),
  'queue-token-invalid': text(
    '유효하지 않은 대기열 토큰',
    '이 공연에서 본인이 받은, 만료되지 않은 대기열 토큰을 X-Queue-Token 헤더로 보내 주세요. 대기열에 다시 참여하면 같은 순번의 새 토큰을 받습니다.',
  ),
  'verification-needed': text(
    '확인 필요',
    '`GET /v1/performances/{performanceId}/queue-token/challenge`로 과제를 받아 풀고, 증명을 X-Join-Proof 헤더로 보내 주세요.',
  ),
  'not-found': text('찾을 수 없음', '주소를 확인해 주세요.'),
  'plan-changed': text(
    '좌석 배치도 변경됨',
    '좌석 배치도나 가격이 새로 게시되었습니다. 좌석 상태를 다시 조회하면 현재 배치도를 알 수 있습니다.',
  ),
  'method-not-allowed': text('허용되지 않은 메서드', 'Allow 헤더에 있는 메서드를 사용해 주세요.'),
  'body-too-large': text(
    '너무 큰 본문',
    '일반 요청의 본문은 64KiB, 로그인 요청은 8KiB, 피드는 32MiB까지 보낼 수 있습니다.',
  ),
  'unsupported-media-type': text(
    '지원하지 않는 형식',
    '본문을 application/json으로 보내 주세요. 피드는 XML이나 텍스트로도 보낼 수 있습니다.',
  ),
  'idempotency-key-missing': text(
    '멱등 키 누락',
    '인쇄 가능한 ASCII 문자 1~255자로 된 Idempotency-Key 헤더를 보내 주세요.',
  ),
  'idempotency-key-in-flight': text(
    '처리 중인 요청',
    '같은 멱등 키로 보낸 첫 요청을 아직 처리하고 있습니다. 잠시 후 다시 요청해 주세요.',
  ),
  'feed-refused': text('피드 거부', '`problems`에 적힌 문제를 고친 뒤 다시 가져오기를 실행해 주세요.'),
  'rebuild-running': text(
    '재구축 진행 중',
    '운영자용: 재구축은 한 번에 하나만 실행됩니다. `rebuildId`가 끝날 때까지 기다리거나 취소해 주세요.',
  ),
  'read-model-behind': text(
    '조회 모델 반영 지연',
    'Retry-After에 적힌 시간(초)이 지난 뒤 다시 조회해 주세요.',
  ),
  'position-unknown': text(
    '알 수 없는 로그 위치',
    '서버가 알려 준 적이 없거나, 백업에서 복구된 뒤 로그에 없는 위치입니다. X-Wait-For-Position 헤더 없이 조회해 주세요.',
  ),
  'too-many-requests': text(
    '너무 많은 요청',
    'Retry-After에 적힌 시간(초)이 지난 뒤 더 천천히 요청해 주세요.',
  ),
  'log-mismatch': text(
    '로그와 테이블 불일치',
    '잠시 후 다시 시도해 주세요. 운영자용: 무엇이 맞지 않고 어떻게 해야 하는지는 `/health/ready`에서 확인할 수 있습니다.',
  ),
  unavailable: text(
    '일시적으로 사용할 수 없음',
    '처리 결과를 알 수 없을 수도 있습니다. Retry-After에 적힌 시간(초)이 지난 뒤 같은 멱등 키로 다시 요청해 주세요.',
  ),
  internal: text('내부 오류', '서버 오류입니다. 요청 아이디를 알려 주시면 확인하겠습니다.'),
};
