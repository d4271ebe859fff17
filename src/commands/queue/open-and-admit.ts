import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { admissionDecider, paceLeft } from '../../domain/admission.js';
import { isSaleClosed } from '../../domain/catalog.js';
import type { Position } from '../../event-store/port.js';
import type { PerformanceId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import { CatalogReader } from '../catalog/catalog-reader.js';
import type { CommandContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { CommandSettings } from '../settings.js';
import { StreamRepository } from '../stream-repository.js';
import { queueSeed } from './queue-admission.js';

/** Opens a performance's queue: reveals the seed and fixes how many early fans are shuffled. */
export class OpenQueue extends Command<{ readonly isOpen: boolean }> {
  constructor(
    readonly performanceId: PerformanceId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(OpenQueue)
export class OpenQueueHandler implements ICommandHandler<OpenQueue> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly catalog: CatalogReader,
    private readonly settings: CommandSettings,
  ) {}

  /** @throws {Rejected} performance-unknown, seed-mismatch (another server's secret) */
  async execute({ performanceId, context }: OpenQueue): Promise<{ isOpen: boolean }> {
    const { sales, seedHash } = await this.catalog.performance(performanceId);
    const stream = streams.admission(performanceId);
    const known = await this.repository.load(admissionDecider, stream);
    if (known.state.opening) return { isOpen: true };
    const opened = await this.deciders.execute(
      admissionDecider,
      stream,
      {
        kind: 'open',
        performanceId,
        seed: queueSeed(this.settings.secret, performanceId),
        seedHash,
        opensAt: sales.opensAt,
        shuffledCount: await this.repository.eventCount(streams.queue(performanceId)),
      },
      context,
    );
    return { isOpen: opened.kind === 'accepted' };
  }
}

interface AdmissionResult {
  readonly admitted: number;
  /** Whether fans still wait; true when unknown. */
  readonly isAnyoneWaiting: boolean;
}

/** Admits the next fans, as many as capacity and pace allow. */
export class AdmitTokens extends Command<AdmissionResult> {
  constructor(
    readonly performanceId: PerformanceId,
    /** The newest event of this queue that the caller has seen: waiting fans are counted at it or later. */
    readonly seen: Position | undefined,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** Places looked at in one admission: some of them may belong to fans who left. */
const maxPlacesPerAdmission = 2_000;

@CommandHandler(AdmitTokens)
export class AdmitTokensHandler implements ICommandHandler<AdmitTokens> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly catalog: CatalogReader,
    @Inject(QUERIES) private readonly queries: CommandQueries,
    private readonly clock: Clock,
  ) {}

  async execute({ performanceId, seen, context }: AdmitTokens): Promise<AdmissionResult> {
    const performance = await this.catalog.performance(performanceId);
    if (isSaleClosed(performance, this.clock.now())) return nothingAdmitted;
    const { maxActive, admitPerSecond, claimWindowMs } = performance.sales;
    const stream = streams.admission(performanceId);
    const { state, position } = await this.repository.load(admissionDecider, stream);
    if (!state.opening || position === undefined) return nothingAdmitted;
    const pace = Math.min(paceLeft(state, admitPerSecond, this.clock.now()), maxPlacesPerAdmission);
    if (pace === 0) return nothingAdmitted;
    // Waiting fans are counted once the read model has every admission so far. Ended tokens that it lacks only make it
    // overestimate who is inside. If another process admits meanwhile, the expected revision refuses this admission.
    const from = state.admittedUpTo;
    const after = seen !== undefined && seen > position ? seen : position;
    if (!(await this.queries.waitFor(after))) return nothingAdmitted;
    // Places first: a fan who leaves between the two queries is then counted as inside, never as room for another.
    const waitingPlaces = await this.queries.waitingPlaces(performanceId, from, pace);
    const { active } = await this.queries.queueSize(performanceId);
    const withinPace = waitingPlaces.filter((place) => place < from + pace);
    const admitted = Math.min(withinPace.length, Math.max(0, maxActive - active));
    const lastPlace = withinPace[admitted - 1];
    const isVacantStretch = withinPace.length === 0 && waitingPlaces.length > 0;
    // All fans of the next places have left: admit those places to reach fans who wait.
    const to = lastPlace !== undefined ? lastPlace + 1 : isVacantStretch ? from + pace : from;
    if (to === from) return { admitted: 0, isAnyoneWaiting: waitingPlaces.length > 0 };
    const admit = {
      kind: 'admit',
      performanceId,
      from,
      to,
      waitingInRange: admitted,
      active,
      maxActive,
      admitPerSecond,
      claimWindowMs,
    } as const;
    const outcome = await this.deciders.execute(admissionDecider, stream, admit, context);
    return { admitted: outcome.kind === 'accepted' ? admitted : 0, isAnyoneWaiting: true };
  }
}

/** Nothing could be decided now; ask again later. */
const nothingAdmitted: AdmissionResult = { admitted: 0, isAnyoneWaiting: true };
