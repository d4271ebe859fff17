import { venueIdSchema } from '../../../src/events/ids.js';
import { minorUnits } from '../../../src/integrations/feeds/values.js';
import { documentOf, lines, only, parseJson } from './feed-results.js';

const theatre = {
  id: 'V1',
  name: 'The Theatre ',
  address: { line1: '1 High Street' },
  city: { name: 'Brisbane' },
  state: { name: 'Queensland' },
  country: { name: 'Australia' },
};
const start = { localDate: '2026-09-11', localTime: '19:00:00', dateTime: '2026-09-11T09:00:00Z' };
const dates = { start, timezone: 'Australia/Brisbane', status: { code: 'onsale' } };
const standard = (max: unknown, currency = 'AUD') => ({ type: 'standard', currency, min: max, max });
const event = (more: object = {}) => ({
  id: 'E1',
  name: 'The Band',
  dates,
  priceRanges: [standard(50)],
  _embedded: { venues: [theatre] },
  ...more,
});
const page = (...events: unknown[]) => ({ _embedded: { events } });
const read = (more: object) => {
  const result = parseJson(page(event(more)));
  return { performance: only(documentOf(result).performances), problems: lines(result.problems) };
};
const problemsOf = (more: object) => lines(parseJson(page(event(more), event({ id: 'E2' }))).problems);
const named = (rest: string) => `event "The Band" (E1) | ${rest}`;

describe('Ticketmaster Discovery feed', () => {
  it('takes an event as a performance with one date at its venue', () => {
    const document = documentOf(parseJson(page(event({ info: 'Doors 7pm', pleaseNote: '.' }))));
    expect(document.source).toBe('ticketmaster');
    expect(document.venues).toEqual([
      {
        id: 'V1',
        name: 'The Theatre',
        location: '1 High Street, Brisbane, Queensland, Australia',
        timeZone: 'Australia/Brisbane',
        sections: [],
      },
    ]);
    expect(only(document.performances)).toEqual({
      id: 'E1',
      venue: 'V1',
      timeZone: 'Australia/Brisbane',
      name: 'The Band',
      description: 'Doors 7pm',
      startDate: '2026-09-11',
      endDate: '2026-09-11',
      prices: [{ category: '*', price: 5000 }],
      sales: {},
      schedules: [{ id: 'E1', startsAt: '2026-09-11T09:00:00.000Z', status: 'scheduled' }],
    });
  });

  it('takes a single event too', () => {
    expect(only(documentOf(parseJson(event())).performances).id).toBe('E1');
  });

  it('keeps events of one act at one venue apart, and the venue once', () => {
    const document = documentOf(parseJson(page(event(), event({ id: 'E2' }))));
    expect(document.performances.map(({ id }) => id)).toEqual(['E1', 'E2']);
    expect(document.venues).toHaveLength(1);
  });

  it('tells the moment from local time and zone when the feed has no UTC time', () => {
    const local = { localDate: '2026-07-01', localTime: '20:00:00' };
    const berlin = { start: local, timezone: 'Europe/Berlin' };
    expect(read({ dates: berlin }).performance.schedules[0]?.startsAt).toBe('2026-07-01T18:00:00.000Z');
    const nowhere = { start: local, timezone: 'Mars/Base' };
    expect(read({ dates: nowhere }).performance.schedules).toEqual([]);
    const lost = 'dates.start | its local time has no time zone (the option timeZone gives one)';
    expect(read({ dates: nowhere }).problems).toEqual([
      `changed | ${named('dates.timezone | "Mars/Base" is not a known time zone')}`,
      `changed | ${named(`${lost}; listed without a date to book`)}`,
    ]);
  });

  it('names dates that are to be announced', () => {
    for (const flag of ['dateTBA', 'dateTBD']) {
      expect(problemsOf({ dates: { ...dates, start: { ...start, [flag]: true } } })).toEqual([
        `skipped | ${named('dates.start | the date is to be announced')}`,
      ]);
    }
    expect(problemsOf({ dates: {} })).toEqual([
      `skipped | ${named('dates.start.localDate | is not a date')}`,
    ]);
  });

  it('lists an event whose time is open without a date to book', () => {
    const open = read({ dates: { ...dates, start: { ...start, timeTBA: true } } });
    expect(open.performance).toMatchObject({ startDate: '2026-09-11', schedules: [] });
    expect(open.problems).toEqual([
      `changed | ${named('dates.start | the time is to be announced; listed without a date to book')}`,
    ]);
    const unspecific = read({ dates: { ...dates, start: { ...start, noSpecificTime: true } } });
    expect(unspecific.problems[0]).toContain('no specific time');
  });

  it('takes cancelled dates as cancelled, rescheduled ones as they are', () => {
    const status = (code: string) => read({ dates: { ...dates, status: { code } } });
    for (const code of ['cancelled', 'canceled']) {
      expect(status(code).performance.schedules[0]?.status).toBe('cancelled');
      expect(status(code).problems).toEqual([]);
    }
    expect(status('rescheduled').performance.schedules[0]?.status).toBe('scheduled');
    expect(status('rescheduled').problems).toEqual([]);
  });

  it('puts no seat on sale of an event that is off sale, or postponed without a new date', () => {
    const status = (value: unknown) => read({ dates: { ...dates, status: value } });
    for (const [code, reason] of [
      ['offsale', 'is off sale: listed with no seat for sale'],
      ['postponed', 'is postponed: listed under the old date with no seat for sale'],
    ] as const) {
      for (const value of [{ code }, code]) {
        expect(status(value).performance).toMatchObject({
          prices: [{ category: '*', price: null }],
          schedules: [{ status: 'scheduled' }],
        });
        expect(status(value).problems).toEqual([`changed | ${named(`dates.status.code | ${reason}`)}`]);
      }
    }
    const off = page(event({ dates: { ...dates, status: { code: 'offsale' } } }));
    const chosen = parseJson(off, { prices: [{ category: 'R', price: 1 }] });
    expect(only(documentOf(chosen).performances).prices).toEqual([
      { category: '*', price: null },
      { category: 'R', price: 1 },
    ]);
    expect(lines(chosen.problems)).toEqual([
      `changed | ${named('dates.status.code | is off sale: listed with seats for sale at the chosen prices only')}`,
    ]);
    expect(status({ code: 'paused' })).toMatchObject({
      performance: { prices: [{ category: '*', price: 5000 }] },
      problems: [
        `changed | ${named('dates.status.code | "paused" is not a known status: taken as on sale')}`,
      ],
    });
  });

  it('ends on the last firm day', () => {
    const ending = (end: object) => read({ dates: { ...dates, end } }).performance.endDate;
    expect(ending({ localDate: '2026-09-13' })).toBe('2026-09-13');
    expect(ending({ localDate: '2026-09-13', approximate: true })).toBe('2026-09-11');
    expect(ending({ localDate: '2026-09-01' })).toBe('2026-09-11');
  });

  it('prices every category at the highest standard price', () => {
    const fees = { type: 'standard including fees', currency: 'AUD', min: 99, max: 99 };
    const prices = (...priceRanges: unknown[]) => read({ priceRanges }).performance.prices;
    expect(prices(standard(77.69), fees, standard(88.34))).toEqual([{ category: '*', price: 8834 }]);
    expect(prices(fees)).toEqual([{ category: '*', price: 9900 }]);
    expect(prices({ type: 'standard', currency: 'AUD', min: 10 })).toEqual([{ category: '*', price: 1000 }]);
    expect(prices(standard(165_000, 'KRW'))).toEqual([{ category: '*', price: 165_000 }]);
    const perUnit = parseJson(page(event()), { pointsPerUnit: 1300 });
    expect(only(documentOf(perUnit).performances).prices[0]?.price).toBe(65_000);
  });

  it('names prices it cannot take', () => {
    expect(problemsOf({ priceRanges: undefined })).toEqual([
      `changed | ${named('priceRanges | states no price: no seat is for sale unless prices are given as an option')}`,
    ]);
    expect(
      problemsOf({ priceRanges: [standard(20), standard(90, 'USD'), { type: 'standard', max: 1 }, 3] }),
    ).toEqual([
      `changed | ${named('priceRanges[2] | has no amount with a currency: left out')}`,
      `changed | ${named('priceRanges[3] | has no amount with a currency: left out')}`,
      `changed | ${named('priceRanges | states prices in several currencies; USD not taken')}`,
    ]);
    expect(problemsOf({ priceRanges: [standard(1e15)] })).toEqual([
      `changed | ${named('priceRanges | is no possible price: no seat is for sale unless prices are given as an option')}`,
    ]);
  });

  it('says what a range of prices leaves open, and reads amounts however they are written', () => {
    const range = (min: unknown, max: unknown, currency = 'AUD') => ({
      type: 'standard',
      currency,
      min,
      max,
    });
    const prices = (...priceRanges: unknown[]) => {
      const { performance, problems } = read({ priceRanges });
      return [performance.prices.map(({ price }) => price), ...problems.map((line) => line.slice(34))];
    };
    expect(prices(range(39.5, 129.95))).toEqual([
      [12_995],
      'priceRanges | is a range, 39.5 to 129.95 AUD, without the seats of each price: every category costs the highest unless prices are given as an option',
    ]);
    expect(prices(range(80, 20)).slice(0, 2)).toEqual([
      [8000],
      'priceRanges[0] | has a highest price of 20, below its lowest of 80: the higher is taken',
    ]);
    expect(prices(range(0, 0))).toEqual([
      [],
      'priceRanges[0] | is 0 to 0, which stands for an unknown price: left out',
      'priceRanges | states no price: no seat is for sale unless prices are given as an option',
    ]);
    for (const amount of [9999, 99_999, 9999.99]) {
      expect(prices(range(amount, amount))).toEqual([
        [amount * 100],
        `priceRanges[0] | names ${amount}, which often stands for an unknown price: check it`,
      ]);
    }
    expect(prices(range(9999, 20))[1]).toContain('names 9999');
    for (const amount of [999, 99.99, 9990, 10_000]) expect(prices(range(amount, amount))).toHaveLength(1);
    expect(prices(range('55.00', '55.00'))).toEqual([[5500]]);
    expect(prices(range(33.333, 33.333))).toEqual([
      [3333],
      'priceRanges | 33.333 AUD is rounded to 3333 points',
    ]);
    expect(prices(range(7.375, 7.375, 'KWD'))).toEqual([[7375]]);
  });

  it('does not speak of prices that are chosen by hand', () => {
    const prices = [{ category: '*', price: 700 }];
    const result = parseJson(page(event({ priceRanges: [{ ...standard(50), min: 0 }] })), { prices });
    expect(only(documentOf(result).performances).prices).toEqual(prices);
    expect(result.problems).toEqual([]);
  });

  it('needs the points of each currency when a feed has several', () => {
    const feed = page(event(), event({ id: 'E2', priceRanges: [standard(30, 'USD')] }));
    const prices = (pointsPerUnit: number | Record<string, number> | undefined) => {
      const result = parseJson(feed, pointsPerUnit === undefined ? {} : { pointsPerUnit });
      return documentOf(result).performances.map((one) => one.prices[0]?.price);
    };
    expect(prices({ AUD: 900, USD: 1300 })).toEqual([45_000, 39_000]);
    expect(prices({ USD: 1300 })).toEqual([undefined, 39_000]);
    for (const single of [undefined, 1300]) expect(prices(single)).toEqual([undefined, undefined]);
    expect(lines(parseJson(feed).problems)).toEqual([
      'changed | option pointsPerUnit | states prices in AUD, USD: give the points per unit of each',
      'changed | event "The Band" (E1) | priceRanges | needs the points per unit of AUD: no seat is for sale unless prices are given as an option',
      'changed | event "The Band" (E2) | priceRanges | needs the points per unit of USD: no seat is for sale unless prices are given as an option',
    ]);
    // One of them alone needs no choice.
    expect(only(documentOf(parseJson(feed, { only: ['E2'] })).performances).prices[0]?.price).toBe(3000);
  });

  it('takes the time zone of the venue, or of the option, where the event has none', () => {
    const local = { start: { localDate: '2027-01-15', localTime: '20:00:00' } };
    const inHall = { dates: local, _embedded: { venues: [{ ...theatre, timezone: 'America/Los_Angeles' }] } };
    expect(read(inHall)).toMatchObject({
      performance: {
        timeZone: 'America/Los_Angeles',
        schedules: [{ startsAt: '2027-01-16T04:00:00.000Z' }],
      },
      problems: [],
    });
    const chosen = parseJson(page(event({ dates: local })), { timeZone: 'Asia/Seoul' });
    expect(only(documentOf(chosen).performances).schedules[0]?.startsAt).toBe('2027-01-15T11:00:00.000Z');
    expect(only(documentOf(chosen).venues).timeZone).toBe('Asia/Seoul');
  });

  it('says how it reads a time that a clock change skips or repeats, or that contradicts the moment', () => {
    const at = (localDate: string, localTime: string, more: object = {}) =>
      read({ dates: { start: { localDate, localTime, ...more }, timezone: 'America/New_York' } });
    expect(at('2027-03-14', '02:30:00')).toMatchObject({
      performance: { schedules: [{ startsAt: '2027-03-14T07:30:00.000Z' }] },
      problems: [
        `changed | ${named('dates.start.localTime | 2027-03-14T02:30:00 is skipped by a clock change; read as 2027-03-14T03:30')}`,
      ],
    });
    expect(at('2027-11-07', '01:30:00')).toMatchObject({
      performance: { schedules: [{ startsAt: '2027-11-07T05:30:00.000Z' }] },
      problems: [
        `changed | ${named('dates.start.localTime | 2027-11-07T01:30:00 comes twice in a clock change; the first is taken')}`,
      ],
    });
    const second = { dateTime: '2027-11-07T06:30:00Z' };
    expect(at('2027-11-07', '01:30:00', second)).toMatchObject({
      performance: { schedules: [{ startsAt: '2027-11-07T06:30:00.000Z' }] },
      problems: [],
    });
    expect(at('2027-01-02', '20:00:00', { dateTime: '2027-01-02T20:00:00Z' }).problems).toEqual([
      `changed | ${named('dates.start.localTime | 2027-01-02T20:00 is not the time of dateTime, 2027-01-02T15:00; dateTime is taken')}`,
    ]);
  });

  it('reads at most 100 price ranges of an event', () => {
    expect(problemsOf({ priceRanges: Array(300_000).fill(standard(20)) })).toEqual([
      `changed | ${named('priceRanges | has 300000 ranges; the first 100 are read')}`,
    ]);
  });

  it('counts minor units as the currency does', () => {
    expect(['AUD', 'KRW', 'JPY', 'KWD', '???'].map(minorUnits)).toEqual([100, 1, 1, 1000, 100]);
  });

  it('opens and closes when sales to the public do', () => {
    const sale = (more: object) => read({ sales: { public: more } });
    expect(sale({ startDateTime: '2026-06-01T03:00:00Z' }).performance.sales).toEqual({
      opensAt: '2026-06-01T03:00:00.000Z',
    });
    expect(sale({ endDateTime: '2026-02-01T10:00:00Z' })).toMatchObject({
      performance: { sales: { closesAt: '2026-02-01T10:00:00.000Z' } },
      problems: [],
    });
    expect(sale({ endDateTime: '1900-01-01T06:00:00Z' }).performance.sales).toEqual({ closesAt: null });
    expect(sale({ startDateTime: '1900-01-01T06:00:00Z' }).performance.sales).toEqual({ opensAt: null });
    expect(sale({ startTBA: true, startDateTime: '2026-06-01T03:00:00Z' })).toMatchObject({
      performance: { sales: {} },
      problems: [`changed | ${named('sales.public.startDateTime | the start of sales is to be announced')}`],
    });
    expect(sale({ startDateTime: 'June' }).problems).toEqual([
      `changed | ${named('sales.public.startDateTime | is not a moment in time')}`,
    ]);
  });

  it('takes a seat limit only when one is clearly stated', () => {
    const limit = (info: string) => read({ ticketLimit: { info } });
    for (const text of [
      'There is a limit of 10 tickets per customer for this event.',
      'A maximum of 10 tickets per customer applies.',
      'Ticket limit: 10',
      '10 per person. Limit applies.',
      'There is an overall 10 ticket limit for this event.',
      'Overall limit: 10 (ten) tickets per household.',
      'Please adhere to published ticket limits: max. 10',
      'Tickets are limited to ten per customer.',
      'You may buy up to 10 tickets.',
      'No more than 10 tickets can be bought.',
      '10-ticket limit per person',
      '10 ticket maximum',
    ]) {
      expect(limit(text).performance.sales).toEqual({ seatLimitPerUser: 10 });
    }
    const unclear = limit('A ticket limit of 4 per customer during Presale and 10 per customer later.');
    expect(unclear.performance.sales).toEqual({});
    expect(unclear.problems).toEqual([
      `changed | ${named('ticketLimit.info | states several numbers (4, 10); the usual limit applies')}`,
    ]);
    for (const text of [
      'Limits apply.',
      'Over 18 only',
      'A limit of 0 per customer',
      `A limit of ${'1'.repeat(400)}`,
    ]) {
      expect(limit(text).problems[0]).toContain('states no clear limit');
    }
    expect(limit('A limit of 50 tickets per customer')).toMatchObject({
      performance: { sales: { seatLimitPerUser: 20 } },
      problems: [`changed | ${named('ticketLimit.info | 50 is more than the highest limit, 20')}`],
    });
  });

  it('names events it cannot use', () => {
    const venues = (list: unknown) => ({ _embedded: { venues: list } });
    expect(problemsOf({ test: true })).toEqual(['skipped | event "The Band" (E1) | is a test event']);
    expect(problemsOf({ name: ' ' })).toEqual(['skipped | event (E1) | has no id or no name']);
    expect(problemsOf(venues([]))).toEqual([`skipped | ${named('_embedded.venues | names no venue')}`]);
    expect(problemsOf(venues([{ id: 'V2' }]))).toEqual([
      `skipped | ${named('_embedded.venues | has a venue without id or name')}`,
    ]);
    expect(problemsOf(venues([theatre, { id: 'V2', name: 'B' }]))).toEqual([
      `changed | ${named('_embedded.venues | names 2 venues; the first is taken')}`,
    ]);
    expect(lines(parseJson(page('event', event())).problems)).toEqual([
      'skipped | event (events[0]) | is not an event',
    ]);
  });

  it('cuts a description that is too long, and says so', () => {
    const long = read({ info: 'x'.repeat(10_001) });
    expect(long.performance.description).toHaveLength(10_000);
    expect(long.problems[0]).toContain('cut to 10000 characters');
  });

  it('needs no venue of events that are held elsewhere by choice', () => {
    const venueId = venueIdSchema.parse('5b6f0f5e-8a35-4f3c-9d0e-0d5c0f8f7a11');
    const document = documentOf(parseJson(page(event({ _embedded: {} })), { venueId }));
    expect(document.venues).toEqual([]);
    expect(only(document.performances).venueId).toBe(venueId);
  });

  it('says how many events are on other pages or beyond what it takes', () => {
    const counted = { ...page(event()), page: { size: 1, totalElements: 7, totalPages: 7, number: 2 } };
    expect(lines(parseJson(counted).problems)).toEqual([
      'skipped | page | 6 more events are on other pages (this is page 3 of 7)',
    ]);
    const many = Array.from({ length: 1002 }, (_, index) => event({ id: `E${index}` }));
    const result = parseJson(page(...many));
    expect(documentOf(result).performances).toHaveLength(1000);
    expect(lines(result.problems)).toEqual(['skipped | page | 2 events beyond the first 1000 are left out']);
  });

  it('refuses what is no event', () => {
    for (const value of [page(), { page: {} }, {}, 'x']) {
      expect(parseJson(value, {}, 'ticketmaster').kind).toBe('refused');
    }
  });
});
