import { koreanTexts } from '../../src/api/problems/korean.js';
import { ApiProblem } from '../../src/api/problems/problem.js';
import { type ProblemCode, problemKinds } from '../../src/api/problems/problem-kinds.js';
import { refuse } from '../../src/domain/rejection.js';
import { type ApiUnderTest, scheduleId, startApi } from './api-under-test.js';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.app.close());

const korean = { 'accept-language': 'ko-KR,ko;q=0.9,en;q=0.8' };
const hangul = /[가-힣]/;

let holds = 0;
/** A request of its own, unless the headers say which it repeats. */
function hold(headers: Record<string, string> = {}, payload: object = { seatIds: ['A-1'] }) {
  const url = `/v1/schedules/${scheduleId}/holds`;
  return api.app.inject({
    method: 'POST',
    url,
    headers: { ...api.fanHeaders(), 'idempotency-key': `key-${holds++}`, ...headers },
    payload,
  });
}

describe('a problem', () => {
  it.each(Object.keys(problemKinds) as ProblemCode[])('%s has a title and an advice in Korean', (code) => {
    expect(koreanTexts[code].title).toMatch(hangul);
    expect(koreanTexts[code].advice).toMatch(hangul);
    const problem = ApiProblem.ofEnglish(code, 'whatever is known in English');
    expect(problem.toDocument('/', 'r', 'ko')).toMatchObject({
      code,
      title: koreanTexts[code].title,
      detail: koreanTexts[code].advice,
    });
  });

  it.each([
    ['en', undefined],
    ['en', 'fr-FR,fr'],
    ['en', 'en-GB,ko;q=0.5'],
    ['ko', 'ko'],
    ['ko', korean['accept-language']],
  ])('is in %s for Accept-Language: %s', async (language, header) => {
    const reply = await api.app.inject({
      url: '/v1/nowhere',
      headers: header === undefined ? {} : { 'accept-language': header },
    });
    expect(reply.headers).toMatchObject({ 'content-language': language, vary: 'Accept-Language' });
    const { title, detail, code, status } = reply.json();
    expect([code, status]).toEqual(['not-found', 404]);
    expect([hangul.test(title), hangul.test(detail)]).toEqual([language === 'ko', language === 'ko']);
  });

  it('of a refused command names seats and amounts in either language', async () => {
    api.commands.handler = () => {
      throw refuse('seat-held', 'Somebody else holds seat A-1: choose another one.', { seatId: 'A-1' });
    };
    expect((await hold()).json().detail).toBe('Somebody else holds seat A-1: choose another one.');
    const seat = (await hold(korean)).json();
    expect(seat).toMatchObject({ code: 'seat-held', seatId: 'A-1' });
    expect(seat.detail).toBe('A-1 좌석은 다른 분이 선점했습니다. 다른 좌석을 선택해 주세요.');

    api.commands.handler = () => {
      throw refuse('insufficient-points', 'The order costs more.', { needed: 77_000, balance: 5_000 });
    };
    const poor = (await hold(korean)).json();
    expect(poor.detail).toBe(
      '주문 금액은 77,000포인트인데 잔액은 5,000포인트입니다. 72,000포인트 이상 충전해 주세요.',
    );
  });

  it('of an input names its fields', async () => {
    const reply = await hold(korean, { seatIds: [] });
    expect(reply.json()).toMatchObject({ code: 'validation-failed', errors: [{ field: 'seatIds' }] });
    expect(reply.json().detail).toBe('다음 항목을 고친 뒤 다시 요청해 주세요: seatIds.');
  });

  it('of an overloaded server is in the language asked for', async () => {
    const busy = await startApi({ settings: { load: { maxInFlight: 0, maxWaitMs: 0 } } });
    const reply = await busy.app.inject({ url: '/v1/performances', headers: korean });
    await busy.app.close();
    expect(reply.headers).toMatchObject({ 'content-language': 'ko', vary: 'Accept-Language' });
    expect(reply.json()).toMatchObject({ code: 'busy', title: koreanTexts.busy.title });
  });

  it('stays in the language of the first request when it is repeated', async () => {
    api.commands.handler = () => {
      throw refuse('seat-held', 'Somebody else holds seat A-1: choose another one.', { seatId: 'A-1' });
    };
    const key = { 'idempotency-key': 'the same' };
    const first = await hold({ ...korean, ...key });
    const again = await hold(key);
    expect(again.body).toBe(first.body);
    expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true', 'content-language': 'ko' });
  });
});

describe('a reply that depends on the language', () => {
  it('tells caches so', async () => {
    expect((await api.app.inject('/v1/performances')).headers.vary).toBe(
      'Accept-Language, Accept-Encoding, X-Wait-For-Position',
    );
    expect((await api.app.inject('/health/live')).headers.vary).toBeUndefined();
  });
});

describe('a JSON reply ends with a line break that its length counts', () => {
  const ends = ({ body, headers }: { body: string; headers: Record<string, unknown> }) => {
    expect(body).toMatch(/\}\n$/);
    expect(Number(headers['content-length'])).toBe(Buffer.byteLength(body));
  };

  it('whether it is a success, a problem or a repeated reply', async () => {
    ends(await api.app.inject('/v1/performances'));
    ends(await api.app.inject({ url: '/v1/nowhere', headers: korean }));
    api.commands.handler = () => ({ holdId: 'h', scheduleId, seats: [], total: 0, position: 3 });
    const key = { 'idempotency-key': 'again' };
    const first = await hold(key);
    ends(first);
    const again = await hold(key);
    ends(again);
    expect(again.body).toBe(first.body);
  });
});
