import { Controller, Get, Header, Inject, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Counter, Gauge, Registry } from 'prom-client';
import { SecurityEvents } from '../../platform/security-events.js';
import { QUERIES, type Queries } from '../../queries/queries.js';
import type { ProjectionReport } from '../../queries/replies/projections.js';
import {
  BACKGROUND_WORK,
  type BackgroundWork,
  type FailureReport,
  PROJECTION_OPERATIONS,
  type ProjectionOperations,
  READINESS,
  type Readiness,
} from '../operations.js';
import { ApiProblem, retryAfter } from '../problems/problem.js';

@Controller('health')
export class HealthController {
  constructor(@Inject(READINESS) private readonly readiness: Readiness) {}

  @Get('live')
  @RouteConfig({ load: 'essential' })
  getLiveness() {
    const refusal = this.readiness.refusal();
    if (refusal === undefined) return { live: true };
    // The state in memory is of a log that is gone: the orchestrator must replace this process.
    throw ApiProblem.ofEnglish('log-mismatch', refusal, { headers: retryAfter(30) });
  }

  @Get('ready')
  @RouteConfig({ load: 'essential' })
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

/** For Prometheus, which sends an auditor's key as its bearer token. */
@Controller('metrics')
export class MetricsController {
  constructor(
    @Inject(PROJECTION_OPERATIONS) private readonly operations: ProjectionOperations,
    @Inject(QUERIES) private readonly queries: Pick<Queries, 'chargesNeedingAttention'>,
    @Inject(BACKGROUND_WORK) private readonly background: BackgroundWork,
    private readonly securityEvents: SecurityEvents,
  ) {}

  @Get()
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @RouteConfig({ operatorsOnly: ['auditor'] })
  async getMetrics(@Req() { server }: FastifyRequest): Promise<string> {
    const { headPosition, projections } = await this.operations.report();
    const applied = await this.operations.eventsApplied();
    // The values are read from the database, so nothing is kept between two requests.
    const registry = new Registry();
    const registers = [registry];
    const labelNames = ['projection'] as const;
    const name = 'boxoffice_log_head_position';
    new Gauge({ name, help: 'Newest position of the event log.', registers }).set(headPosition);
    for (const [what, help, read] of projectionGauges) {
      const gauge = new Gauge({ name: `boxoffice_projection_${what}`, help, labelNames, registers });
      for (const one of projections) gauge.set({ projection: one.name }, read(one));
    }
    new Gauge({
      name: 'boxoffice_charges_needing_attention',
      help: 'Charges that an operator has to settle: GET /v1/ops/charges lists them.',
      registers,
    }).set(await this.queries.chargesNeedingAttention());
    if (applied.size > 0) {
      const name = 'boxoffice_projection_events_applied_total';
      const counter = new Counter({ name, help: 'Events this process has applied.', labelNames, registers });
      for (const [projection, events] of applied) counter.inc({ projection }, events);
    }
    const securityEvents = new Counter({
      name: 'boxoffice_security_events_total',
      help: 'Security events of this process by kind: docs/operations.md.',
      labelNames: ['kind'] as const,
      registers,
    });
    for (const [kind, count] of this.securityEvents.counts) securityEvents.inc({ kind }, count);
    addFailures(registry, this.background.failures());
    addLimits(registry, server);
    return registry.metrics();
  }
}

/** What the limits of this process have kept out. */
function addLimits(registry: Registry, { connections, readAllowance, loadGate }: FastifyInstance): void {
  const registers = [registry];
  new Gauge({ name: 'boxoffice_connections', help: 'Open connections.', registers }).set(connections.open);
  const ended = new Counter({
    name: 'boxoffice_connections_ended_total',
    help: 'Connections ended: too many of one address, too many requests at once, replies that were not taken.',
    labelNames: ['why'] as const,
    registers,
  });
  for (const [why, count] of Object.entries(connections.ended)) ended.inc({ why }, count);
  const refused = new Counter({
    name: 'boxoffice_requests_refused_total',
    help: 'Requests refused before anything was done: the process was busy, or the address had asked too often.',
    labelNames: ['why'] as const,
    registers,
  });
  refused.inc({ why: 'busy' }, loadGate.refused);
  refused.inc({ why: 'address' }, readAllowance.refused);
}

const failureMetrics: readonly (readonly [
  string,
  string,
  'gauge' | 'counter',
  (report: FailureReport) => number | undefined,
])[] = [
  [
    'process_failing_items',
    'Items that failed when this process last tried them; they are tried again.',
    'gauge',
    ({ items }) => items?.failing,
  ],
  [
    'process_item_failures_total',
    'Failed attempts at single items, in this process.',
    'counter',
    ({ items }) => items?.failures,
  ],
  [
    'subscription_restarts_total',
    'How often this process followed events anew after an error.',
    'counter',
    ({ subscription }) => subscription?.restarts,
  ],
  [
    'subscription_events_left_out_total',
    'Events this process left out because they could not be handled.',
    'counter',
    ({ subscription }) => subscription?.leftOut,
  ],
];

/** Nothing for a process that acts on nothing by itself. */
function addFailures(registry: Registry, reports: readonly FailureReport[]): void {
  for (const [what, help, kind, read] of failureMetrics) {
    const counted = reports.flatMap((report) => {
      const value = read(report);
      return value === undefined ? [] : [{ process: report.process, value }];
    });
    if (counted.length === 0) continue;
    const options = {
      name: `boxoffice_${what}`,
      help,
      labelNames: ['process'] as const,
      registers: [registry],
    };
    const metric = kind === 'gauge' ? new Gauge(options) : new Counter(options);
    for (const { process, value } of counted) metric.inc({ process }, value);
  }
}

const projectionGauges: readonly (readonly [string, string, (one: ProjectionReport) => number])[] = [
  ['position', 'Log position the projection has applied.', ({ position }) => position],
  ['lag_positions', 'Log positions not yet applied.', ({ lagPositions }) => lagPositions],
  ['lag_seconds', 'Age of the oldest event not yet applied.', ({ lagSeconds }) => lagSeconds],
  ['paused', '1 when an operator paused it.', ({ pausedAt }) => (pausedAt === null ? 0 : 1)],
  [
    'parked',
    '1 when it cannot go on by itself.',
    ({ state }) => (state === 'parked' || state === 'outdated' ? 1 : 0),
  ],
];
