import { Controller, Get, Header, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { EventStreams } from '../live/event-streams.js';
import { RebuildProgressFeed } from '../live/rebuild-progress-feed.js';
import { ApiProblem, notFound } from '../problem.js';
import {
  PROJECTION_REBUILDS,
  type ProjectionRebuild,
  type ProjectionRebuilds,
} from '../projection-rebuilds.js';
import { ValidBody, ValidParam } from '../validation.js';

export const rebuildRequestSchema = z.strictObject({
  names: z.array(z.string().min(1).max(64)).min(1).max(100).optional(),
  compareOnly: z.boolean().default(false),
  restart: z.boolean().default(false),
});
const rebuildIdSchema = z.union([z.literal('current'), z.uuid()], 'must be the id of a rebuild, or current');

/** Operators' endpoints: building read models anew while the office runs. */
@Controller('v1/ops/projections/rebuilds')
export class RebuildsController {
  constructor(
    @Inject(PROJECTION_REBUILDS) private readonly rebuilds: ProjectionRebuilds,
    private readonly streams: EventStreams,
    private readonly feed: RebuildProgressFeed,
  ) {}

  @Post()
  @HttpCode(202)
  @RouteConfig({ operatorsOnly: true })
  async start(
    @ValidBody(rebuildRequestSchema) request: z.infer<typeof rebuildRequestSchema>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProjectionRebuild> {
    this.#checkNames(request.names ?? []);
    const outcome = await this.rebuilds.request(request);
    if ('running' in outcome) {
      const { rebuildId } = outcome.running;
      throw new ApiProblem('rebuild-running', 'A rebuild runs: wait for its end, or cancel it.', {
        facts: { rebuildId },
      });
    }
    const { started } = outcome;
    reply.header('Location', `/v1/ops/projections/rebuilds/${started.rebuildId}`);
    return started;
  }

  @Get(':rebuildId')
  @Header('Cache-Control', 'no-store')
  @RouteConfig({ operatorsOnly: true })
  status(@ValidParam('rebuildId', rebuildIdSchema) id: string): Promise<ProjectionRebuild> {
    return this.#find(id);
  }

  @Get(':rebuildId/events')
  @RouteConfig({ operatorsOnly: true, load: 'stream' })
  async progress(
    @ValidParam('rebuildId', rebuildIdSchema) id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const rebuild = await this.#find(id);
    this.feed.follow(rebuild, this.streams.open(request, reply));
  }

  @Post(':rebuildId/cancel')
  @HttpCode(202)
  @RouteConfig({ operatorsOnly: true })
  async cancel(@ValidParam('rebuildId', rebuildIdSchema) id: string): Promise<ProjectionRebuild> {
    const { rebuildId } = await this.#find(id);
    await this.rebuilds.cancel(rebuildId);
    return this.#find(rebuildId);
  }

  async #find(id: string): Promise<ProjectionRebuild> {
    const rebuild = await this.rebuilds.find(id);
    if (!rebuild) throw notFound('rebuild');
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
    throw new ApiProblem('validation-failed', 'Correct names and send the request again.', { errors });
  }
}
