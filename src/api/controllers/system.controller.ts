import { Controller, Get, Header, Inject } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { ProjectionReport } from '../../queries/replies/projections.js';
import { ApiProblem, retryAfter } from '../problems/problem.js';
import { PROJECTION_OPERATIONS, type ProjectionOperations } from '../projection-operations.js';
import { READINESS, type Readiness } from '../readiness.js';

@Controller('health')
export class HealthController {
  constructor(@Inject(READINESS) private readonly readiness: Readiness) {}

  @Get('live')
  @RouteConfig({ load: 'essential' })
  @Header('Cache-Control', 'no-store')
  getLiveness() {
    const refusal = this.readiness.refusal();
    if (refusal === undefined) return { live: true };
    // The state in memory is of a log that is gone: the orchestrator must replace this process.
    throw ApiProblem.ofEnglish('log-mismatch', refusal, { headers: retryAfter(30) });
  }

  @Get('ready')
  @RouteConfig({ load: 'essential' })
  @Header('Cache-Control', 'no-store')
  async getReadiness() {
    const { ready, checks } = await this.readiness.check();
    if (ready) return { ready, checks };
    const failed = checks.filter((check) => !check.ok).map((check) => check.name);
    throw new ApiProblem(
      'unavailable',
      {
        en: `Not ready: ${failed.join(', ')}.`,
        ko: `아직 준비되지 않았습니다: ${failed.join(', ')}.`,
      },
      {
        headers: retryAfter(1),
        facts: { ready, checks },
      },
    );
  }
}

/** For Prometheus, which sends the operators' key as its bearer token. */
@Controller('metrics')
export class MetricsController {
  constructor(@Inject(PROJECTION_OPERATIONS) private readonly operations: ProjectionOperations) {}

  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  @Header('Cache-Control', 'no-store')
  @RouteConfig({ operatorsOnly: true })
  async getMetrics(): Promise<string> {
    const { headPosition, projections } = await this.operations.report();
    const applied = await this.operations.eventsApplied();
    const ofEach = (name: string, help: string, read: (one: ProjectionReport) => number): Metric => ({
      name: `boxoffice_projection_${name}`,
      help,
      type: 'gauge',
      samples: projections.map((one) => ({ labels: { projection: one.name }, value: read(one) })),
    });
    return metricsText([
      {
        name: 'boxoffice_log_head_position',
        help: 'Newest position of the event log.',
        type: 'gauge',
        samples: [{ labels: {}, value: headPosition }],
      },
      ofEach('position', 'Log position the projection has applied.', ({ position }) => position),
      ofEach('lag_positions', 'Log positions not yet applied.', ({ lagPositions }) => lagPositions),
      ofEach('lag_seconds', 'Age of the oldest event not yet applied.', ({ lagSeconds }) => lagSeconds),
      ofEach('paused', '1 when an operator paused it.', ({ pausedAt }) => (pausedAt === null ? 0 : 1)),
      ofEach('parked', '1 when it cannot go on by itself.', ({ state }) =>
        state === 'parked' || state === 'outdated' ? 1 : 0,
      ),
      {
        name: 'boxoffice_projection_events_applied_total',
        help: 'Events this process has applied.',
        type: 'counter',
        samples: [...applied].map(([projection, value]) => ({ labels: { projection }, value })),
      },
    ]);
  }
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** None: the metric is left out. Label values are plain words, so nothing needs escaping. */
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** Metrics in Prometheus' text format 0.0.4. */
function metricsText(metrics: readonly Metric[]): string {
  const blocks = metrics
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) => {
      const lines = samples.map(({ labels, value }) => `${name}${labelsText(labels)} ${value}`);
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join('\n');
    });
  return `${blocks.join('\n')}\n`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
