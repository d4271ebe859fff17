import { type Instant, toInstant } from '../../events/ids.js';
import type { ProblemList } from './feed.js';

const dayMs = 86_400_000;
const weekdays = ['일', '월', '화', '수', '목', '금', '토'];
/** Most dates one performance may have. */
const maxDates = 1000;
/** Longest text worth taking apart, in characters: real ones have a few dozen. */
const maxGuidance = 1000;

/** The number of a Korean weekday ("토요일" or "토"), 0 for Sunday; -1 for any other text. */
const weekdayOf = (text: string) => weekdays.indexOf(text.trim().replace(/요일$/, ''));

/** Weekdays of "토요일", "화요일 ~ 금요일" (may run over Sunday) or "매일"; undefined when it is none of these. */
function daysOf(text: string): number[] | undefined {
  if (text.trim() === '매일') return [0, 1, 2, 3, 4, 5, 6];
  const [from = '', to, ...rest] = text.split(/[~∼〜-]/);
  const [first, last] = [weekdayOf(from), weekdayOf(to ?? from)];
  if (first < 0 || last < 0 || rest.length > 0) return undefined;
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => (first + index) % 7);
}

interface WeeklyTime {
  readonly text: string;
  readonly day: number;
  readonly time: string;
}

/** Takes "토요일(15:00,19:00), 화요일 ~ 금요일(19:30)" apart; what is neither day nor time is reported. */
function readWeeklyTimes(guidance: string, record: string, problems: ProblemList): WeeklyTime[] {
  const field = 'dtguidance';
  const skip = (piece: string, reason: string) =>
    problems.add({ record, field, reason: `"${piece}" ${reason}`, effect: 'skipped' });
  const pieces = [...guidance.matchAll(/([^()]*)(?:\(([^()]*)\)|$)/g)].filter(
    ([whole]) => whole.trim() !== '',
  );
  return pieces.flatMap(([whole, dayText = '', timeText]) => {
    const piece = whole.replace(/^[\s,]+/, '').trim();
    const names = dayText
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    if (timeText === undefined || names.length === 0) {
      if (piece !== '') skip(piece, 'has no day with its times in brackets');
      return [];
    }
    const times = timeText.split(',').map((time) => time.trim().padStart(5, '0'));
    const good = times.filter((time) => /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(time));
    for (const time of times) if (!good.includes(time)) skip(piece, `has a time that is none: "${time}"`);
    return names.flatMap((name) => {
      const days = daysOf(name);
      if (days !== undefined) return days.flatMap((day) => good.map((time) => ({ text: piece, day, time })));
      skip(
        piece,
        /^(?:HOL|공휴일)$/i.test(name)
          ? 'is for public holidays, which the feed does not date'
          : `has a day that is none: "${name}"`,
      );
      return [];
    });
  });
}

/**
 * The dates of a performance: KOPIS states weekdays and times, which are played in Seoul on every such weekday
 * from `startDate` to `endDate` (YYYY-MM-DD).
 * @returns schedules in the order of time, at most 1000; all that is left out is reported
 */
export function readSchedules(
  performance: { readonly id: string; readonly startDate: string; readonly endDate: string },
  guidance: string | undefined,
  record: string,
  problems: ProblemList,
): { id: string; startsAt: Instant }[] {
  const field = 'dtguidance';
  if (guidance === undefined) {
    problems.add({
      record,
      field,
      reason: 'states no days and times; listed without a date to book',
      effect: 'changed',
    });
    return [];
  }
  if (guidance.length > maxGuidance) {
    problems.add({ record, field, reason: `is longer than ${maxGuidance} characters`, effect: 'skipped' });
    return [];
  }
  const weekly = readWeeklyTimes(guidance, record, problems);
  const schedules = new Map<string, { id: string; startsAt: Instant }>();
  const played = new Set<string>();
  const last = weekly.length === 0 ? Number.NEGATIVE_INFINITY : Date.parse(performance.endDate);
  let isCut = false;
  for (let ms = Date.parse(performance.startDate); ms <= last && !isCut; ms += dayMs) {
    const date = new Date(ms).toISOString().slice(0, 10);
    const weekday = new Date(ms).getUTCDay();
    for (const { text, time } of weekly.filter((slot) => slot.day === weekday)) {
      const id = `${performance.id}-${date}T${time}`;
      isCut ||= schedules.size >= maxDates && !schedules.has(id);
      // Seoul keeps UTC+9 all year.
      if (!isCut) schedules.set(id, { id, startsAt: toInstant(Date.parse(`${date}T${time}:00+09:00`)) });
      played.add(text);
    }
  }
  for (const text of new Set(weekly.map((slot) => slot.text))) {
    if (!played.has(text) && !isCut) {
      problems.add({ record, field, reason: `"${text}" is on no day of the run`, effect: 'skipped' });
    }
  }
  if (isCut)
    problems.add({ record, field, reason: `only the first ${maxDates} dates are taken`, effect: 'changed' });
  return [...schedules.values()].sort((a, b) => (a.startsAt < b.startsAt ? -1 : 1));
}
