import { Inject, Injectable } from '@nestjs/common';
import {
  type PerformanceDetails,
  type PublishedSchedule,
  performanceDecider,
  publishedSchedule,
  type ScheduleState,
  scheduleDecider,
} from '../../domain/catalog.js';
import type {
  CatalogDocument,
  PerformanceDocument,
  ScheduleDocument,
} from '../../domain/catalog-document.js';
import { refuse } from '../../domain/rejection.js';
import { EventStore, type Position } from '../../event-store/port.js';
import { addMs, type Instant, type ScheduleId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { StreamRepository } from '../stream-repository.js';
import type { ImportProblem } from './check-import.js';
import { type HallChange, HallChanges } from './hall-changes.js';
import { hallIdOf, outcomeOf, type Published, performanceIdOf, scheduleIdOf } from './imported-record.js';
import { matchSchedules } from './match-schedules.js';

/** A feed may correct the time of a date that should have begun by now, for so long after that. */
const correctableMs = 24 * 60 * 60_000;

/** What will be published of the dates of one performance. */
interface DatesPlan {
  /** Which published date each of the document's is. */
  readonly wanted: readonly { readonly schedule: ScheduleDocument; readonly scheduleId: ScheduleId }[];
  /** Published dates to come that the document does not have. */
  readonly absent: readonly PublishedSchedule[];
  /** Dates with held or sold seats that move to another hall. */
  readonly moves: readonly HallChange[];
  /** The read models are late, so more dates may be absent. */
  readonly isUnsure: boolean;
}

/** A performance of the document as it is published. */
interface PublishedPerformance {
  readonly performance: PerformanceDocument;
  readonly details: PerformanceDetails;
  /** The time zone in which its dates are announced. */
  readonly timeZone: string;
}

export interface DateOptions {
  readonly acceptHallChange?: boolean | undefined;
  readonly cancelMissing?: boolean | undefined;
}

/** Publishes the dates of performances, and reports or cancels those that the organiser does not announce any more. */
@Injectable()
export class DatePublisher {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly hallChanges: HallChanges,
    private readonly store: EventStore,
    @Inject(QUERIES) private readonly queries: CommandQueries,
    private readonly clock: Clock,
  ) {}

  /** What will be published of each performance's dates; appends nothing. @throws {Rejected} busy */
  async plan(
    document: CatalogDocument,
    options: DateOptions,
  ): Promise<ReadonlyMap<PerformanceDocument, DatesPlan>> {
    const unsure = await this.#withUnsureDates(document, options);
    const plans = new Map<PerformanceDocument, DatesPlan>();
    for (const performance of document.performances) {
      const { wanted, absent } = await this.#match(document.source, performance);
      const venueId = hallIdOf(document.source, performance);
      const moves: HallChange[] = [];
      for (const { scheduleId } of wanted) {
        const move = await this.hallChanges.find(scheduleId, venueId, performance, options);
        if (move) moves.push(move);
      }
      plans.set(performance, { wanted, absent, moves, isUnsure: unsure.has(performance) });
    }
    return plans;
  }

  /** Publishes what was planned of a performance's dates. */
  async publish(
    published: PublishedPerformance,
    { wanted, absent, moves, isUnsure }: DatesPlan,
    options: DateOptions,
    context: CommandContext,
  ): Promise<{
    readonly dates: readonly Published[];
    readonly problems: readonly ImportProblem[];
    readonly position: Position | undefined;
  }> {
    const dates: Published[] = [];
    for (const { schedule, scheduleId } of wanted) {
      const move = moves.find((one) => one.scheduleId === scheduleId);
      const publish = () => this.#publishDate(scheduleId, published, schedule, context);
      const { refundWindowMs } = published.details.sales;
      dates.push(
        move ? await this.hallChanges.carryOut(move, refundWindowMs, publish, context) : await publish(),
      );
    }
    const problems: ImportProblem[] = [];
    if (isUnsure) problems.push(unsureProblem(published.performance));
    let position: Position | undefined;
    for (const date of absent) {
      const left = await this.#leaveOut(published.performance, date, options, context);
      problems.push(left.problem);
      position = left.position ?? position;
    }
    return { dates, problems, position };
  }

  /**
   * Which published dates a document moves or leaves out is found out from the read models, so they must contain every
   * earlier import.
   * @returns the published performances whose missing dates are not all known because the read models are late
   * @throws {Rejected} busy when a date would be moved or cancelled by such a list
   */
  async #withUnsureDates(
    { source, performances }: CatalogDocument,
    { cancelMissing = false }: DateOptions,
  ): Promise<ReadonlySet<PerformanceDocument>> {
    const published = new Set<PerformanceDocument>();
    for (const performance of performances) {
      const stream = streams.performance(performanceIdOf(source, performance.id));
      const { state } = await this.repository.load(performanceDecider, stream);
      if (state.details) published.add(performance);
    }
    const head = published.size > 0 ? await this.store.head() : undefined;
    if (head === undefined || (await this.queries.waitFor(head))) return new Set();
    for (const performance of published) {
      if (cancelMissing || (await this.#hasUnknownDate(source, performance)))
        throw refuse('busy', 'The list of dates is not up to date: import the feed again in a moment.');
    }
    return published;
  }

  async #hasUnknownDate(source: string, performance: PerformanceDocument): Promise<boolean> {
    for (const schedule of performance.schedules) {
      if (!(await this.#isPublished(scheduleIdOf(source, performance, schedule)))) return true;
    }
    return false;
  }

  async #match(
    source: string,
    performance: PerformanceDocument,
  ): Promise<Pick<DatesPlan, 'wanted' | 'absent'>> {
    const performanceId = performanceIdOf(source, performance.id);
    const published: PublishedSchedule[] = [];
    const now = this.clock.now();
    const since = addMs(now, -correctableMs);
    for (const scheduleId of await this.queries.schedulesOfPerformance(performanceId, since)) {
      const { state } = await this.repository.load(scheduleDecider, streams.schedule(scheduleId));
      const date = publishedSchedule(state);
      if (date && date.status === 'scheduled') published.push(date);
    }
    const timeZone = performance.timeZone ?? published[0]?.timeZone ?? 'UTC';
    const wanted = [];
    for (const schedule of performance.schedules) {
      const scheduleId = scheduleIdOf(source, performance, schedule);
      const isPublished = await this.#isPublished(scheduleId);
      wanted.push({ schedule, scheduleId, startsAt: schedule.startsAt, timeZone, isPublished });
    }
    const { sameAs, absent } = matchSchedules(published, wanted);
    return {
      wanted: wanted.map(({ schedule, scheduleId }) => ({
        schedule,
        scheduleId: sameAs.get(scheduleId) ?? scheduleId,
      })),
      absent: absent.filter(({ startsAt }) => startsAt > now),
    };
  }

  async #isPublished(scheduleId: ScheduleId): Promise<boolean> {
    const { state } = await this.repository.load(scheduleDecider, streams.schedule(scheduleId));
    return state.details !== undefined;
  }

  async #publishDate(
    scheduleId: ScheduleId,
    { performance, details: { performanceId, venueId, sales }, timeZone }: PublishedPerformance,
    schedule: ScheduleDocument,
    context: CommandContext,
  ): Promise<Published> {
    const stream = streams.schedule(scheduleId);
    const known = await this.repository.load(scheduleDecider, stream);
    const { startsAt, status } = schedule;
    const details = { scheduleId, performanceId, venueId, startsAt, timeZone, status };
    const name = `${performance.name}, ${startsAt}`;
    const record = { kind: 'schedule', externalId: schedule.id, id: scheduleId, name } as const;
    if (known.state.cancellation && status === 'scheduled') {
      const reason =
        'it was cancelled and its tickets are refunded: give the new date an id of its own to put it on sale';
      const problem = { ...aboutDate(performance, startsAt), reason, effect: 'skipped' } as const;
      return { record: { ...record, outcome: 'skipped', reason }, problems: [problem], position: undefined };
    }
    const step = stepContext(context, scheduleId);
    const { refundWindowMs } = sales;
    const publish = {
      kind: 'publish',
      details,
      refundWindowMs,
      reason: 'cancelled by the organiser',
    } as const;
    const published = await this.deciders.executeOrThrow(scheduleDecider, stream, publish, step);
    const outcome = outcomeOf(published.events.length, known.state.details);
    const isCancelled = status === 'cancelled' ? { isCancelled: true } : {};
    const problems = movedProblems(performance, known.state, startsAt);
    return { record: { ...record, outcome, ...isCancelled }, problems, position: published.position };
  }

  /** Reports a published date that the document does not have, and cancels it if that was asked for. */
  async #leaveOut(
    performance: PerformanceDocument,
    { scheduleId, startsAt }: PublishedSchedule,
    { cancelMissing = false }: DateOptions,
    context: CommandContext,
  ): Promise<{ problem: ImportProblem; position: Position | undefined }> {
    const base = {
      ...aboutDate(performance, startsAt),
      field: 'schedules',
      effect: 'changed',
    } as const;
    // A document without any date says nothing about them.
    if (!cancelMissing || performance.schedules.length === 0) {
      const reason = `published earlier, absent now: it stays on sale as schedule ${scheduleId}; cancel it there, or import with cancelMissing`;
      return { problem: { ...base, reason }, position: undefined };
    }
    const cancel = { kind: 'cancel', reason: 'no longer announced by the organiser' } as const;
    const stream = streams.schedule(scheduleId);
    const step = stepContext(context, scheduleId, 'cancel');
    const { position } = await this.deciders.executeOrThrow(scheduleDecider, stream, cancel, step);
    const reason = 'published earlier, absent now: it is cancelled, and its tickets are refunded';
    return { problem: { ...base, reason }, position };
  }
}

const aboutDate = (performance: PerformanceDocument, startsAt: Instant) => ({
  record: `date ${startsAt} of performance "${performance.name}" (${performance.id})`,
  about: performance.id,
});

const unsureProblem = ({ name, id }: PerformanceDocument): ImportProblem => ({
  record: `performance "${name}" (${id})`,
  about: id,
  field: 'schedules',
  reason:
    'the list of published dates is not up to date, so dates absent from the feed may not be reported: import it again in a moment',
  effect: 'changed',
});

/** Reports a published date that begins at another moment from now on. */
function movedProblems(
  performance: PerformanceDocument,
  { details, cancellation }: ScheduleState,
  startsAt: Instant,
): ImportProblem[] {
  if (!details || cancellation || details.startsAt === startsAt) return [];
  const reason = `moved to ${startsAt}: tickets stay valid and may be given back for a while`;
  return [{ ...aboutDate(performance, details.startsAt), field: 'startsAt', reason, effect: 'changed' }];
}
