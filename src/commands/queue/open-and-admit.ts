import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { admissionDecider, paceLeft } from '../../domain/admission.js';
import { timeOfRound } from '../../domain/beacon.js';
import { isSaleClosed } from '../../domain/catalog.js';
import { Rejected } from '../../domain/rejection.js';
import { addMs, type Instant, type PerformanceId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { RandomnessBeacon } from '../../integrations/beacon/port.js';
import { Clock } from '../../platform/clock.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { CommandSettings } from '../settings.js';
import { StreamRepository } from '../stream-repository.js';
import { JoinedReader } from './joined-numbers.js';
import { queueSeed } from './queue-admission.js';

/** Whether the queue is open; if not, when it opens. */
export type QueueOpening =
  | { readonly isOpen: true }
  | { readonly isOpen: false; readonly opensAt: Instant | null };

/** Opens a performance's queue: reveals the seed and fixes which early fans are shuffled. */
export class OpenQueue extends Command<QueueOpening> {
  constructor(
    readonly performanceId: PerformanceId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** From then on before the opening, those who have joined are read ahead. */
const readAheadMs = 60_000;

@CommandHandler(OpenQueue)
export class OpenQueueHandler implements ICommandHandler<OpenQueue> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly catalog: CatalogReader,
    private readonly joined: JoinedReader,
    private readonly beacon: RandomnessBeacon,
    private readonly settings: CommandSettings,
    private readonly clock: Clock,
  ) {}

  /**
   * A performance that names a round of the public beacon opens in two steps: the numbers that take part are fixed before the
   * round is known, and the queue opens when its signature can be had. There is no other way, so that nobody can
   * choose one: while the beacon cannot be reached, the queue stays closed and is tried again.
   * @throws {Rejected} performance-unknown, seed-mismatch (another server's secret), busy
   * @throws {BeaconUnavailable}
   */
  async execute({ performanceId, context }: OpenQueue): Promise<QueueOpening> {
    const stream = streams.admission(performanceId);
    const known = await this.repository.load(admissionDecider, stream);
    if (known.state.opening) return { isOpen: true };
    const { sales, seedHash, beacon } = await this.catalog.performance(performanceId, { isFresh: true });
    const { opensAt } = sales;
    const notOpen = { isOpen: false, opensAt } as const;
    const early = opensAt !== null && this.clock.now() < opensAt;
    if (early && this.clock.now() < addMs(opensAt, -readAheadMs)) return notOpen;
    const joined = await this.joined.of(performanceId);
    if (early) return notOpen;
    let draw = known.state.closedDraw;
    if (beacon && !draw) {
      const close = {
        kind: 'close-draw',
        performanceId,
        opensAt,
        namedRound: beacon.round,
        ...joined,
      } as const;
      const step = stepContext(context, 'close-draw');
      const closed = await this.deciders.execute(admissionDecider, stream, close, step);
      if (closed.state.opening) return { isOpen: true };
      if (closed.kind === 'rejected') return notOpen;
      draw = closed.state.closedDraw;
    }
    if (draw && this.clock.now() < timeOfRound(draw.round)) {
      return { isOpen: false, opensAt: timeOfRound(draw.round) };
    }
    const open = {
      kind: 'open',
      performanceId,
      seed: queueSeed(this.settings.queueSecret, performanceId, seedHash),
      seedHash,
      opensAt,
      ...joined,
      isRoundNamed: beacon !== undefined,
      beacon: draw && { round: draw.round, signature: await this.beacon.signatureOf(draw.round) },
    } as const;
    const opened = await this.deciders.execute(admissionDecider, stream, open, context);
    if (opened.kind === 'accepted') {
      this.joined.forget(performanceId);
      return { isOpen: true };
    }
    if (opened.rejection.code === 'queue-not-open') return notOpen;
    throw new Rejected(opened.rejection);
  }
}

export interface AdmissionResult {
  /** Fans let in, at most: some of them may have left without the read models knowing it. */
  readonly admitted: number;
  /** Whether fans still wait; true when unknown. */
  readonly isAnyoneWaiting: boolean;
  /** When the pace lets the next fan in; undefined: nothing more can be done until the queue changes. */
  readonly nextAt: Instant | undefined;
}

/** Admits the next fans, as many as capacity, pace and the seats that are left allow. */
export class AdmitTokens extends Command<AdmissionResult> {
  constructor(
    readonly performanceId: PerformanceId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** Fans let in by one admission. */
const maxFansPerAdmission = 2_000;

/**
 * Counts with the log, so that read models which are behind neither stop an admission nor let in too many: who has
 * joined and which places were admitted is read from the streams. The read models only say which fans have left,
 * before or after being admitted. A fan who has left counts as waiting or inside until the read models show it.
 *
 * No fan is admitted while no seat is free. That number comes from the read models: while these are behind, admitted fans
 * may find no free seat.
 */
@CommandHandler(AdmitTokens)
export class AdmitTokensHandler implements ICommandHandler<AdmitTokens> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly catalog: CatalogReader,
    @Inject(QUERIES) private readonly queries: CommandQueries,
    private readonly clock: Clock,
  ) {}

  /** @throws {Rejected} performance-unknown */
  async execute({ performanceId, context }: AdmitTokens): Promise<AdmissionResult> {
    const performance = await this.catalog.performance(performanceId);
    if (isSaleClosed(performance, this.clock.now())) return nothingToDo;
    const { maxActive, admitPerSecond, claimWindowMs } = performance.sales;
    const stream = streams.admission(performanceId);
    const { state } = await this.repository.load(admissionDecider, stream);
    if (!state.opening) return nothingToDo;
    const pace = Math.min(paceLeft(state, admitPerSecond, this.clock.now()), maxFansPerAdmission);
    if (pace === 0) return { ...nothingToDo, nextAt: state.nextAt };
    const sale = await this.queries.sale(performanceId, this.clock.now());
    if (sale.status !== 'on-sale') return nothingToDo;
    const from = state.admittedUpTo;
    const { knownUpTo, inside } = await this.queries.queueFront(performanceId, from);
    const room = Math.max(0, maxActive - inside);
    // One place at least, to find out whether a fan waits.
    const places = await this.#nextPlaces(performanceId, from, knownUpTo, Math.max(1, Math.min(pace, room)));
    const admitted = places.slice(0, room);
    const last = admitted.at(-1);
    if (last === undefined) return { ...nothingToDo, isAnyoneWaiting: places.length > 0 };
    const admit = {
      kind: 'admit',
      performanceId,
      from,
      to: last + 1,
      waitingInRange: admitted.length,
      active: inside,
      maxActive,
      admitPerSecond,
      claimWindowMs,
    } as const;
    // If another process has admitted meanwhile, the range does not begin where that one ended, and is refused.
    const outcome = await this.deciders.execute(admissionDecider, stream, admit, context);
    return {
      admitted: outcome.kind === 'accepted' ? admitted.length : 0,
      isAnyoneWaiting: true,
      nextAt: outcome.state.nextAt,
    };
  }

  /**
   * The next places of fans who wait or may wait, at most `limit`.
   * @param knownUpTo the read models may not have the fans of this place and later ones yet: each of them may wait.
   */
  async #nextPlaces(
    performanceId: PerformanceId,
    from: number,
    knownUpTo: number,
    limit: number,
  ): Promise<number[]> {
    const waiting = await this.queries.waitingPlaces(performanceId, from, limit);
    const places = waiting.filter((place) => place < knownUpTo);
    if (places.length === limit) return places;
    const issued = await this.repository.eventCount(streams.queue(performanceId));
    for (let place = Math.max(from, knownUpTo); place < issued && places.length < limit; place++) {
      places.push(place);
    }
    return places;
  }
}

/** It is unknown whether a fan waits. */
const nothingToDo: AdmissionResult = { admitted: 0, isAnyoneWaiting: true, nextAt: undefined };
