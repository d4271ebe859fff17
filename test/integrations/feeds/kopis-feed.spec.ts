import { venueIdSchema } from '../../../src/events/ids.js';
import type { FeedOptions } from '../../../src/integrations/feeds/feed.js';
import { parseFeed } from '../../../src/integrations/feeds/parse-feed.js';
import { documentOf, lines, only } from './feed-results.js';

const xml = (fields: Record<string, string>) =>
  Object.entries(fields)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join(' ');
const parse = (body: string, options: FeedOptions = {}) =>
  parseFeed({ text: `<?xml version="1.0" encoding="UTF-8"?><dbs>${body}</dbs>`, options });
const detail = (fields: Record<string, string> = {}) =>
  `<db>${xml({
    mt20id: 'PF1',
    mt13id: 'FC9-01',
    prfnm: '여름 &amp; 밤',
    // A Friday to the Sunday of the week after.
    prfpdfrom: '2026.09.18',
    prfpdto: '2026.09.27',
    fcltynm: '큰 공연장 (아레나)',
    prfcast: ' ',
    prfruntime: '2시간',
    prfage: '만 7세 이상',
    pcseguidance: 'R석 165,000원, S석 154,000원',
    sty: '여름밤의 음악회',
    area: '인천광역시',
    genrenm: '대중음악',
    mt10id: 'FC9',
    dtguidance: '토요일(17:00)',
    ...fields,
  })}</db>`;
const facility = (fields: Record<string, string> = {}) =>
  `<db>${xml({
    fcltynm: '큰 공연장',
    mt10id: 'FC9',
    seatscale: '18483',
    adres: '인천광역시 중구 공항문화로 1',
    mt13s: [
      { prfplcnm: '아레나', mt13id: 'FC9-01', seatscale: '14,483' },
      { prfplcnm: '정원', mt13id: 'FC9-02', seatscale: '0' },
    ]
      .map((hall) => `<mt13>${xml(hall)}</mt13>`)
      .join(''),
    ...fields,
  })}</db>`;
const startsOf = (dtguidance: string) =>
  only(documentOf(parse(detail({ dtguidance }))).performances).schedules.map(({ startsAt }) => startsAt);
const problemsOf = (fields: Record<string, string>) => lines(parse(detail(fields)).problems);
const pricesOf = (pcseguidance: string, options: FeedOptions = {}) =>
  only(documentOf(parse(detail({ pcseguidance }), options)).performances).prices.map(
    ({ category, price }) => `${category} ${price}`,
  );

const record = 'performance "여름 & 밤" (PF1)';

describe('KOPIS performance detail', () => {
  it('becomes a performance whose dates are played in Seoul', () => {
    const result = parse(detail());
    const document = documentOf(result);
    expect(result.problems).toEqual([]);
    expect(document.source).toBe('kopis');
    expect(only(document.performances)).toEqual({
      id: 'PF1',
      venue: 'FC9-01',
      name: '여름 & 밤',
      description: '여름밤의 음악회\n\n장르: 대중음악\n공연시간: 2시간\n관람연령: 만 7세 이상',
      startDate: '2026-09-18',
      endDate: '2026-09-27',
      timeZone: 'Asia/Seoul',
      prices: [
        { category: 'R석', price: 165_000 },
        { category: 'S석', price: 154_000 },
      ],
      schedules: [
        { id: 'PF1-2026-09-19T17:00', startsAt: '2026-09-19T08:00:00.000Z', status: 'scheduled' },
        { id: 'PF1-2026-09-26T17:00', startsAt: '2026-09-26T08:00:00.000Z', status: 'scheduled' },
      ],
    });
    expect(only(document.venues)).toMatchObject({
      id: 'FC9-01',
      ifAbsent: true,
      name: '큰 공연장 (아레나)',
      location: '인천광역시',
      timeZone: 'Asia/Seoul',
    });
  });

  it('expands weekdays, ranges over the week, several times a day, and every day', () => {
    const days = (dtguidance: string) =>
      startsOf(dtguidance).map((startsAt) =>
        new Date(Date.parse(startsAt) + 9 * 3_600_000).toISOString().slice(8, 16),
      );
    expect(days('토요일(15:00,19:00)')).toEqual(['19T15:00', '19T19:00', '26T15:00', '26T19:00']);
    expect(days('토요일(17:00), 일요일(9:30)')).toEqual(['19T17:00', '20T09:30', '26T17:00', '27T09:30']);
    expect(days('화요일 ~ 목요일(19:30)')).toEqual(['22T19:30', '23T19:30', '24T19:30']);
    expect(days('토요일 ~ 월요일(14:00)')).toEqual([
      '19T14:00',
      '20T14:00',
      '21T14:00',
      '26T14:00',
      '27T14:00',
    ]);
    expect(days('월요일, 수요일(20:00)')).toEqual(['21T20:00', '23T20:00']);
    expect(days('매일(20:00)')).toHaveLength(10);
  });

  it('names public holidays and other times it cannot date, and takes the rest', () => {
    const dtguidance = '토요일(17:00), HOL(14:00), 봄날(15:00), 일요일(25:00,16:00), 수시';
    expect(startsOf(dtguidance)).toHaveLength(4);
    expect(problemsOf({ dtguidance })).toEqual([
      `changed | ${record} | dtguidance | "HOL(14:00)" is for public holidays, which the feed does not date: left out`,
      `changed | ${record} | dtguidance | "봄날(15:00)" has an unknown day: "봄날": left out`,
      `changed | ${record} | dtguidance | "일요일(25:00,16:00)" has an invalid time: "25:00": left out`,
      `changed | ${record} | dtguidance | "수시" has no day with its times in brackets: left out`,
    ]);
  });

  it('says when a weekday is not in the run, and when no times are stated', () => {
    expect(problemsOf({ prfpdto: '2026.09.18' })).toEqual([
      `changed | ${record} | dtguidance | "토요일(17:00)" is on no day of the run: left out`,
    ]);
    expect(problemsOf({ dtguidance: ' ' })).toEqual([
      `changed | ${record} | dtguidance | states no days and times; listed without a date to book`,
    ]);
  });

  it('takes at most 1,000 dates of a run without end', () => {
    const result = parse(detail({ prfpdto: '2999.12.31', dtguidance: '매일(15:00,19:00)' }));
    expect(only(documentOf(result).performances).schedules).toHaveLength(1000);
    expect(lines(result.problems)).toEqual([
      `changed | ${record} | dtguidance | only the first 1000 dates are taken`,
    ]);
  });

  it('reads prices of categories, of the whole house and free ones', () => {
    expect(pricesOf('스탠딩석 165,000원,R석 1,165,000원, S석 9000원')).toEqual([
      '스탠딩석 165000',
      'R석 1165000',
      'S석 9000',
    ]);
    expect(pricesOf('전석 30,000원')).toEqual(['* 30000']);
    expect(pricesOf('전석무료')).toEqual(['* 0']);
    expect(pricesOf('무료')).toEqual(['* 0']);
    expect(pricesOf('전석 30,000원', { pointsPerUnit: 0.1 })).toEqual(['* 3000']);
  });

  it('names pieces that are no price', () => {
    expect(
      problemsOf({ pcseguidance: 'R석 1,000원, 현장 문의, 3,000원, R석 2,000원, A ~ B석 5,000원' }),
    ).toEqual([
      `changed | ${record} | pcseguidance | "현장 문의" is not a price: left out`,
      `changed | ${record} | pcseguidance | "3,000원" names no category: left out`,
      `changed | ${record} | pcseguidance | "A ~ B석 5,000원" is a range or a change of prices: left out`,
      `changed | ${record} | pcseguidance | "R석 2,000원": R석 has a price already; the first is kept`,
    ]);
    expect(problemsOf({ pcseguidance: '' })).toEqual([
      `changed | ${record} | pcseguidance | states no price: no seat is for sale unless prices are given as an option`,
    ]);
  });

  it('does not take apart texts of absurd length', () => {
    const long = `${'월'.repeat(1000)}(`;
    expect(problemsOf({ dtguidance: long, pcseguidance: long })).toEqual([
      `changed | ${record} | pcseguidance | is longer than 1000 characters: no price is taken from it`,
      `changed | ${record} | dtguidance | is longer than 1000 characters: no date is taken from it`,
    ]);
  });

  it('names the field a performance lacks', () => {
    const lacking = (fields: Record<string, string>) =>
      lines(parse(detail(fields) + detail({ mt20id: 'PF2' })).problems);
    expect(lacking({ prfnm: '' })).toEqual(['skipped | performance (PF1) | prfnm | is missing']);
    expect(lacking({ prfpdfrom: '2026.02.30' })).toEqual([
      `skipped | ${record} | prfpdfrom | "2026.02.30" is not a date`,
    ]);
    expect(lacking({ prfpdto: '' })).toEqual([`skipped | ${record} | prfpdto | is missing`]);
    expect(lacking({ mt13id: '', mt10id: '' })).toEqual([`skipped | ${record} | mt10id | is missing`]);
    expect(lacking({ fcltynm: '' })).toEqual([`skipped | ${record} | fcltynm | is missing`]);
  });

  it('is held in the facility when it names no hall, or elsewhere by choice', () => {
    expect(only(documentOf(parse(detail({ mt13id: '' }))).performances).venue).toBe('FC9');
    const venueId = venueIdSchema.parse('5b6f0f5e-8a35-4f3c-9d0e-0d5c0f8f7a11');
    const elsewhere = documentOf(parse(detail({ mt13id: '', mt10id: '', fcltynm: '' }), { venueId }));
    expect([elsewhere.venues, only(elsewhere.performances).venueId]).toEqual([[], venueId]);
  });
});

describe('KOPIS facility detail', () => {
  it('becomes one venue per hall, named as performances name it', () => {
    const result = parse(facility());
    const [location, timeZone] = ['인천광역시 중구 공항문화로 1', 'Asia/Seoul'];
    expect(documentOf(result).venues).toEqual([
      { id: 'FC9-01', name: '큰 공연장 (아레나)', location, timeZone, capacity: 14_483, sections: [] },
      { id: 'FC9-02', name: '큰 공연장 (정원)', location, timeZone, sections: [] },
    ]);
    expect(lines(result.problems)).toEqual([
      'changed | facility "큰 공연장" (FC9), hall "정원" (FC9-02) | seatscale | "0" states no capacity',
    ]);
  });

  it('is a venue itself when it has no halls', () => {
    expect(documentOf(parse(facility({ mt13s: '' }))).venues).toMatchObject([
      { id: 'FC9', name: '큰 공연장', capacity: 18_483 },
    ]);
  });

  it('replaces what a performance in the same answer mentions of its hall', () => {
    for (const body of [facility() + detail(), detail() + facility()]) {
      const [arena] = documentOf(parse(body)).venues;
      expect(arena).toMatchObject({ id: 'FC9-01', capacity: 14_483 });
      expect(arena?.ifAbsent).toBeUndefined();
    }
  });

  it('names halls and facilities without an id', () => {
    const halls =
      '<mt13><prfplcnm>정원</prfplcnm></mt13><mt13><mt13id>FC9-03</mt13id><seatscale>9</seatscale></mt13>';
    const result = parse(facility({ mt13s: halls }) + facility({ fcltynm: '' }));
    expect(documentOf(result).venues).toMatchObject([{ id: 'FC9-03', name: '큰 공연장' }]);
    expect(lines(result.problems)).toEqual([
      'skipped | facility "큰 공연장" (FC9), hall "정원" (mt13[0]) | mt13id | is missing',
      'skipped | facility (FC9) | fcltynm | is missing',
    ]);
  });
});

describe('KOPIS answers', () => {
  it('reports errors in KOPIS words and records of another kind', () => {
    const result = parse(
      '<db><returncode>01</returncode><errmsg>SERVICE KEY IS NOT REGISTERED</errmsg></db>',
    );
    expect(result.kind).toBe('refused');
    expect(lines(result.problems)[0]).toBe('skipped | db[0] | KOPIS answered: SERVICE KEY IS NOT REGISTERED');
    expect(lines(parse(`<db><a>1</a></db>${detail()}`).problems)).toEqual([
      'skipped | db[0] | is neither a performance (mt20id) nor a facility (mt10id)',
    ]);
  });

  it('are named when they are lists, with what to import instead', () => {
    const listed = (more = {}) =>
      `<db>${xml({ mt20id: 'PF1', prfnm: '여름밤', prfpdfrom: '2026.09.18', prfpdto: '2026.09.27', fcltynm: '큰 공연장', genrenm: '대중음악', prfstate: '공연예정', ...more })}</db>`;
    const place = `<db>${xml({ fcltynm: '큰 공연장', mt10id: 'FC9', mt13cnt: '3', sidonm: '인천' })}</db>`;
    const ranking = `<boxofs><boxof>${xml({ rnum: '1', mt20id: 'PF1', prfnm: '여름밤', prfpd: '2026.09.18~2026.09.27', seatcnt: '900' })}</boxof></boxofs>`;
    const told = (text: string) => {
      const result = parseFeed({ text, options: {} });
      return [result.kind, lines(result.problems)[0]];
    };
    const without = 'without prices, times or halls';
    expect(told(`<dbs>${listed()}${listed()}</dbs>`)).toEqual([
      'refused',
      `refused | feed | is a KOPIS list of performances, ${without}: import the detail of each performance (pblprfr/{mt20id})`,
    ]);
    expect(told(ranking)).toEqual([
      'refused',
      `refused | feed | is a KOPIS box-office ranking, ${without}: import the detail of each performance (pblprfr/{mt20id})`,
    ]);
    expect(told(`<dbs>${place}</dbs>`)).toEqual([
      'refused',
      `refused | feed | is a KOPIS list of facilities, ${without}: import the detail of each facility (prfplc/{mt10id})`,
    ]);
    expect(told(`<dbs>${listed({ mt20id: 'PF2' })}${detail()}</dbs>`)).toEqual([
      'parsed',
      `skipped | 1 records | are of a KOPIS list of performances, ${without}: import the detail of each performance (pblprfr/{mt20id})`,
    ]);
  });

  it('are cancelled when their state says so', () => {
    const { schedules } = only(documentOf(parse(detail({ prfstate: '공연취소' }))).performances);
    expect(schedules.map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });

  it('read times in full-width characters', () => {
    expect(startsOf('토요일（１７：００）')).toHaveLength(2);
  });

  it('keeps text that looks like numbers as text', () => {
    const document = documentOf(parse(detail({ prfnm: '007', mt20id: '0012', mt13id: '1e3' })));
    expect(only(document.performances)).toMatchObject({ id: '0012', name: '007', venue: '1e3' });
  });

  it('decodes character references once, but not those in CDATA', () => {
    const name = '&#44032;&#x41;&amp;amp;&lt;&#0;&nbsp;&quot;<![CDATA[ &amp;]]>';
    const read = only(documentOf(parse(detail({ prfnm: name }))).performances).name;
    expect(read).toBe('가A&amp;<&#0;&nbsp;" &amp;');
    const many = detail({ sty: '&amp;'.repeat(5000) });
    expect(only(documentOf(parse(many)).performances).description).toContain('&'.repeat(5000));
  });

  it('takes at most 1,000 halls as venues', () => {
    const halls = Array.from(
      { length: 1001 },
      (_, n) => `<mt13><mt13id>H${n}</mt13id><seatscale>1</seatscale></mt13>`,
    );
    const result = parse(facility({ mt13s: halls.join('') }));
    expect(documentOf(result).venues).toHaveLength(1000);
    expect(lines(result.problems)).toEqual([
      'skipped | feed | venues | 1 venues beyond the first 1000 are left out',
    ]);
  });

  it('takes at most 1,000 records', () => {
    const many = Array.from({ length: 1001 }, (_, n) => detail({ mt20id: `PF${n}` })).join('');
    const result = parse(many);
    expect(documentOf(result).performances).toHaveLength(1000);
    expect(lines(result.problems)).toEqual(['skipped | feed | 1 records beyond the first 1000 are left out']);
  });
});
