import type { CatalogDocument, PerformanceDocument } from '../../domain/catalog-document.js';
import type { PriceCategory } from '../../events/catalog-events.js';
import { type Instant, toInstant } from '../../events/ids.js';
import { sampleArena, sampleClub, sampleHall } from './sample-venues.js';

const dayMs = 86_400_000;
/** Seoul keeps UTC+9 all year. */
const seoulOffsetMs = 9 * 3_600_000;

type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6;
const [sunday, thursday, friday, saturday]: [Weekday, Weekday, Weekday, Weekday] = [0, 4, 5, 6];

/** Days since 1970 of the first `weekday` in Seoul that is at least `afterDays` days after `now`. */
function upcoming(now: Date, afterDays: number, weekday: Weekday): number {
  const earliest = Math.floor((now.getTime() + seoulOffsetMs) / dayMs) + afterDays;
  // Day 0, 1 January 1970, was a Thursday (4).
  return earliest + ((weekday - ((earliest + 4) % 7) + 7) % 7);
}

/** The moment `clock` ("19:30") strikes in Seoul on a day counted from 1970. */
function seoulTime(day: number, clock: string): Instant {
  return toInstant(Date.parse(`${dateOf(day)}T${clock}:00+09:00`));
}

const dateOf = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10);

const hallPrices: PriceCategory[] = [
  { category: 'R', label: 'R석 · Front', price: 66_000, color: '#d1495b' },
  { category: 'S', label: 'S석 · Stalls', price: 55_000, color: '#2e86ab' },
  { category: 'A', label: 'A석 · Balcony', price: 44_000, color: '#5b8c5a' },
];

const arenaPrices: PriceCategory[] = [
  { category: 'VIP', label: 'VIP석 · VIP', price: 198_000, color: '#7b2d8b' },
  { category: 'R', label: 'R석 · R', price: 165_000, color: '#d1495b' },
  { category: 'S', label: 'S석 · S', price: 143_000, color: '#2e86ab' },
  { category: 'A', label: 'A석 · A', price: 110_000, color: '#5b8c5a' },
];

const clubPrices: PriceCategory[] = [
  { category: 'STANDING', label: '스탠딩 · Standing', price: 55_000, color: '#d1495b' },
  { category: 'BALCONY', label: '발코니 · Balcony', price: 66_000, color: '#2e86ab' },
];

/** Generous rules: nearly everybody is admitted at once. */
const hallSales = {
  opensAt: null,
  seatLimitPerUser: 4,
  queueCapacity: 5_000,
  maxActive: 200,
  admitPerSecond: 20,
  claimWindowMs: 120_000,
  serviceWindowMs: 900_000,
  holdTtlMs: 300_000,
  maxLapsedHolds: 2,
  maxReleasedHolds: 4,
  seatCoolDownMs: 60_000,
  idleWindowMs: 300_000,
  seatReturnWindowMs: 5_000,
  ticketsAskedBind: true,
};

/** Rules for a rush: many fans wait, and a limited number may buy at the same time. */
const arenaSales = {
  opensAt: null,
  seatLimitPerUser: 4,
  queueCapacity: 500_000,
  maxActive: 2_000,
  admitPerSecond: 100,
  claimWindowMs: 60_000,
  serviceWindowMs: 600_000,
  holdTtlMs: 300_000,
  maxLapsedHolds: 2,
  maxReleasedHolds: 3,
  seatCoolDownMs: 60_000,
  idleWindowMs: 180_000,
  seatReturnWindowMs: 5_000,
  ticketsAskedBind: true,
};

interface Show {
  readonly id: string;
  readonly ko: string;
  readonly en: string;
  readonly description: string;
  /** Days since 1970 and the local time of each date, in order. */
  readonly dates: readonly (readonly [day: number, clock: string])[];
}

function performance(
  show: Show,
  terms: Pick<PerformanceDocument, 'prices' | 'sales'> & { venue: string },
): PerformanceDocument {
  const days = show.dates.map(([day]) => day);
  return {
    id: show.id,
    name: show.ko,
    names: { ko: show.ko, en: show.en },
    description: show.description,
    startDate: dateOf(Math.min(...days)),
    endDate: dateOf(Math.max(...days)),
    schedules: show.dates.map(([day, clock], index) => ({
      id: `${show.id}-${index + 1}`,
      startsAt: seoulTime(day, clock),
      status: 'scheduled',
    })),
    ...terms,
  };
}

/** Shows on one evening, on a weekend, and over several weeks. */
function hallShows(now: Date): Show[] {
  const [jazz, folk] = [upcoming(now, 5, thursday), upcoming(now, 9, friday)];
  const piano = [7, 14, 21].map((afterDays) => upcoming(now, afterDays, sunday));
  return [
    {
      id: 'jazz-night',
      ko: '달빛 재즈 나이트',
      en: 'Moonlight Jazz Night',
      description: '네 명의 연주자가 들려주는 한 시간 반의 재즈. An evening with a jazz quartet, 90 minutes.',
      dates: [[jazz, '19:30']],
    },
    {
      id: 'night-letters',
      ko: '밤의 편지: 포크 콘서트',
      en: 'Night Letters: Songs and Stories',
      description:
        '노래와 이야기로 채우는 사흘 밤. Three evenings of folk songs and the stories behind them.',
      dates: [
        [folk, '20:00'],
        [folk + 1, '19:00'],
        [folk + 2, '18:00'],
      ],
    },
    {
      id: 'piano-sundays',
      ko: '일요일의 피아노',
      en: 'Piano Sundays',
      description: '세 번의 일요일 저녁, 세 명의 피아니스트. Three Sunday evenings, three pianists.',
      dates: piano.map((day) => [day, '18:00'] as const),
    },
  ];
}

function arenaShows(now: Date): Show[] {
  const [tour, festival] = [upcoming(now, 12, saturday), upcoming(now, 26, saturday)];
  return [
    {
      id: 'aurora-tour',
      ko: '오로라 월드 투어 인 서울',
      en: 'AURORA 7 World Tour in Seoul',
      description: '이틀간의 아레나 공연. 만 7세 이상 관람가. Two nights at the arena; ages 7 and over.',
      dates: [
        [tour, '18:00'],
        [tour + 1, '17:00'],
      ],
    },
    {
      id: 'winter-lights',
      ko: '겨울빛 페스티벌',
      en: 'Winter Lights Festival',
      description: '여덟 팀이 함께하는 하루. Eight bands, one evening.',
      dates: [[festival, '17:30']],
    },
  ];
}

function clubShow(now: Date): Show {
  return {
    id: 'wave-night',
    ko: '파도의 밤: 인디 라이브',
    en: 'Wave Night: Indie Live',
    description: '세 밴드가 여는 스탠딩 공연. Three bands, standing.',
    dates: [[upcoming(now, 16, friday), '20:00']],
  };
}

/**
 * A catalog to try boxoffice with: a small hall, an arena of about 15,000 seats, a club with a standing area and six
 * performances, all on sale at once, in the weeks after `now`. The same for every moment of one day in Seoul; ids never change, so
 * importing it on a later day moves the performances.
 */
export function sampleCatalog(now: Date): CatalogDocument {
  const [hall, arena, club] = [sampleHall(), sampleArena(), sampleClub()];
  return {
    format: 'boxoffice-catalog',
    version: 1,
    source: 'sample',
    venues: [hall, arena, club],
    performances: [
      ...hallShows(now).map((show) =>
        performance(show, { venue: hall.id, prices: hallPrices, sales: hallSales }),
      ),
      ...arenaShows(now).map((show) =>
        performance(show, { venue: arena.id, prices: arenaPrices, sales: arenaSales }),
      ),
      performance(clubShow(now), { venue: club.id, prices: clubPrices, sales: hallSales }),
    ],
  };
}
