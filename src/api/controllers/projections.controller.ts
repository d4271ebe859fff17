import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, HttpCode, Inject, Injectable, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ProjectionRebuild, ProjectionsReport } from '../../queries/replies/projections.js';
import { type EventStream, EventStreams, sseMessage } from '../live/event-streams.js';
import {
  hasEnded,
  PROJECTION_OPERATIONS,
  PROJECTION_REBUILDS,
  type ProjectionControl,
  type ProjectionOperations,
  type ProjectionRebuilds,
} from '../operations.js';
import { ApiProblem, notFound } from '../problems/problem.js';

import { ValidBody, ValidParam } from '../validation.js';

const nameSchema = z.string().regex(/^[a-z][a-z-]{0,63}$/, 'must be the name of a projection');

/** Operators' endpoints: the state of the projections; pause, resume and retry them. */
@Controller('v1/ops/projections')
export class ProjectionsController {
  constructor(@Inject(PROJECTION_OPERATIONS) private readonly operations: ProjectionOperations) {}

  @Get()
  @RouteConfig({ operatorsOnly: ['auditor'] })
  listProjections(): Promise<ProjectionsReport> {
    return this.operations.report();
  }

  @Post('pause')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: [] })
  pauseAllProjections(): Promise<ProjectionsReport> {
    return this.#control('pause');
  }

  @Post('resume')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: [] })
  resumeAllProjections(): Promise<ProjectionsReport> {
    return this.#control('resume');
  }

  @Post(':name/pause')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: [] })
  pauseProjection(@ValidParam('name', nameSchema) name: string): Promise<ProjectionsReport> {
    return this.#control('pause', name);
  }

  @Post(':name/resume')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: [] })
  resumeProjection(@ValidParam('name', nameSchema) name: string): Promise<ProjectionsReport> {
    return this.#control('resume', name);
  }

  @Post(':name/retry')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: [] })
  retryProjection(@ValidParam('name', nameSchema) name: string): Promise<ProjectionsReport> {
    return this.#control('retry', name);
  }

  async #control(control: ProjectionControl, name?: string): Promise<ProjectionsReport> {
    if (!(await this.operations.control(control, name))) {
      throw new ApiProblem('not-found', {
        en: 'There is no projection of this name: list them first.',
        ko: '이 이름의 프로젝션이 없습니다. 먼저 목록을 확인해 주세요.',
      });
    }
    return this.operations.report();
  }
}

const rebuildRequestSchema = z.strictObject({
  names: z.array(z.string().min(1).max(64)).min(1).max(100).optional(),
  compareOnly: z.boolean().default(false),
  restart: z.boolean().default(false),
});
const rebuildIdSchema = z.union([z.literal('current'), z.uuid()], 'must be the id of a rebuild, or current');

/** A rebuild records its progress once a second. */
const lookEveryMs = 500;

/** Shows operators the progress of a rebuild. Each stream polls the database: there are few operators. */
@Injectable()
export class RebuildProgressFeed {
  constructor(@Inject(PROJECTION_REBUILDS) private readonly rebuilds: ProjectionRebuilds) {}

  /** Sends the rebuild's state at once and after each change, and ends the stream when the rebuild ends. */
  follow(rebuild: ProjectionRebuild, stream: EventStream): void {
    const closed = new AbortController();
    stream.onClose(() => closed.abort());
    void this.#follow(rebuild, stream, closed.signal);
  }

  async #follow(rebuild: ProjectionRebuild, stream: EventStream, closed: AbortSignal): Promise<void> {
    let sent = '';
    let now: ProjectionRebuild | undefined = rebuild;
    while (!closed.aborted) {
      const message = sseMessage('rebuild', now);
      if (message !== sent) stream.send(message);
      sent = message;
      if (hasEnded(now)) break;
      await delay(lookEveryMs, undefined, { signal: closed }).catch(() => undefined);
      // Null: the database did not answer, ask again. Undefined: a newer rebuild replaced this one.
      const found: ProjectionRebuild | undefined | null = closed.aborted
        ? undefined
        : await this.rebuilds.find(rebuild.rebuildId).catch(() => null);
      if (found === undefined) break;
      now = found ?? now;
    }
    stream.end();
  }
}

/** Operators' endpoints: rebuild read models while the office runs. */
@Controller('v1/ops/projections/rebuilds')
export class RebuildsController {
  constructor(
    @Inject(PROJECTION_REBUILDS) private readonly rebuilds: ProjectionRebuilds,
    private readonly streams: EventStreams,
    private readonly feed: RebuildProgressFeed,
  ) {}

  @Post()
  @HttpCode(202)
  @RouteConfig({ operatorsOnly: [] })
  async startRebuild(
    @ValidBody(rebuildRequestSchema) request: z.infer<typeof rebuildRequestSchema>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProjectionRebuild> {
    this.#checkNames(request.names ?? []);
    const outcome = await this.rebuilds.request(request);
    if ('running' in outcome) {
      const { rebuildId } = outcome.running;
      throw new ApiProblem(
        'rebuild-running',
        {
          en: 'A rebuild runs: wait for its end, or cancel it.',
          ko: '재구축이 진행 중입니다. 끝날 때까지 기다리거나 취소해 주세요.',
        },
        {
          facts: { rebuildId },
        },
      );
    }
    const { started } = outcome;
    reply.header('Location', `/v1/ops/projections/rebuilds/${started.rebuildId}`);
    return started;
  }

  @Get(':rebuildId')
  @RouteConfig({ operatorsOnly: ['auditor'] })
  getRebuild(@ValidParam('rebuildId', rebuildIdSchema) id: string): Promise<ProjectionRebuild> {
    return this.#find(id);
  }

  @Get(':rebuildId/events')
  @RouteConfig({ operatorsOnly: ['auditor'], load: 'stream' })
  async watchRebuild(
    @ValidParam('rebuildId', rebuildIdSchema) id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const rebuild = await this.#find(id);
    this.feed.follow(rebuild, this.streams.open(request, reply));
  }

  @Post(':rebuildId/cancel')
  @HttpCode(202)
  @RouteConfig({ operatorsOnly: [] })
  async cancelRebuild(@ValidParam('rebuildId', rebuildIdSchema) id: string): Promise<ProjectionRebuild> {
    const { rebuildId } = await this.#find(id);
    await this.rebuilds.cancel(rebuildId);
    return this.#find(rebuildId);
  }

  async #find(id: string): Promise<ProjectionRebuild> {
    const rebuild = await this.rebuilds.find(id);
    if (!rebuild) throw notFound({ en: 'rebuild', ko: '재구축' });
    return rebuild;
  }

  #checkNames(names: readonly string[]): void {
    const known = this.rebuilds.names;
    const errors = names.flatMap((name, index) =>
      known.includes(name)
        ? []
        : [{ field: `names[${index}]`, message: `must be one of ${known.join(', ')}` }],
    );
    if (errors.length === 0) return;
    throw new ApiProblem(
      'validation-failed',
      { en: 'Correct names and send the request again.', ko: 'names를 고친 뒤 다시 요청해 주세요.' },
      { errors },
    );
  }
}
