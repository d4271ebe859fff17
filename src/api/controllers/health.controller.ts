import { Controller, Get, Header, Inject } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiProblem, retryAfter } from '../problem.js';
import { READINESS, type Readiness } from '../readiness.js';

@Controller('health')
export class HealthController {
  constructor(@Inject(READINESS) private readonly readiness: Readiness) {}

  @Get('live')
  @RouteConfig({ load: 'essential' })
  @Header('Cache-Control', 'no-store')
  live() {
    const refusal = this.readiness.refusal();
    if (refusal === undefined) return { live: true };
    // The state in memory is of a log that is gone: the orchestrator must replace this process.
    throw new ApiProblem('log-mismatch', refusal, { headers: retryAfter(30) });
  }

  @Get('ready')
  @RouteConfig({ load: 'essential' })
  @Header('Cache-Control', 'no-store')
  async ready() {
    const { ready, checks } = await this.readiness.check();
    if (ready) return { ready, checks };
    const failed = checks.filter((check) => !check.ok).map((check) => check.name);
    throw new ApiProblem('unavailable', `Not ready: ${failed.join(', ')}.`, {
      headers: retryAfter(1),
      facts: { ready, checks },
    });
  }
}
