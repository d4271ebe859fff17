import { Controller, Get, Header, Inject } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { type Metric, metricsText } from '../metrics-text.js';
import {
  PROJECTION_OPERATIONS,
  type ProjectionOperations,
  type ProjectionReport,
} from '../projection-operations.js';

/** For Prometheus, which sends the operators' key as its bearer token. */
@Controller('metrics')
export class MetricsController {
  constructor(@Inject(PROJECTION_OPERATIONS) private readonly operations: ProjectionOperations) {}

  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  @Header('Cache-Control', 'no-store')
  @RouteConfig({ operatorsOnly: true })
  async metrics(): Promise<string> {
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
