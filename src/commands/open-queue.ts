import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { admissionDecider } from '../domain/queue/admission.js';
import type { PerformanceId } from '../events/ids.js';
import { streams } from '../events/streams.js';
import { CatalogReader } from './catalog-reader.js';
import type { CommandContext } from './command-context.js';
import { Executor } from './execute.js';
import { SETTINGS, type Settings } from './ports.js';
import { queueSeed } from './queue-seed.js';

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
    private readonly executor: Executor,
    private readonly catalog: CatalogReader,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** @throws {Rejected} performance-unknown, seed-mismatch (another server's secret) */
  async execute({ performanceId, context }: OpenQueue): Promise<{ isOpen: boolean }> {
    const { sales, seedHash } = await this.catalog.performance(performanceId);
    const stream = streams.admission(performanceId);
    const known = await this.executor.load(admissionDecider, stream);
    if (known.state.opening) return { isOpen: true };
    const opened = await this.executor.execute(
      admissionDecider,
      stream,
      {
        kind: 'open',
        performanceId,
        seed: queueSeed(this.settings.secret, performanceId),
        seedHash,
        opensAt: sales.opensAt,
        shuffledCount: await this.executor.eventCount(streams.queue(performanceId)),
      },
      context,
    );
    return { isOpen: opened.kind === 'accepted' };
  }
}
