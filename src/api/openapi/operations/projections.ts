import { json, type Operation, type Operations } from '../operation.js';
import { projectionRebuild } from '../replies/projection-rebuilds.js';
import { projectionsReport } from '../replies/projections.js';

const control = (summary: string, description: string): Operation => ({
  tag: 'Operators',
  summary,
  description,
  replies: { 200: json('How the projections are now.', projectionsReport) },
});
const byName = (summary: string, description: string): Operation => ({
  ...control(summary, description),
  problems: ['not-found'],
});

const pausing =
  'Whichever process runs it stops before the next event; queries go on with the rows there are. Survives a restart.';
const resuming = 'It goes on where it stopped. Nothing happens to what was not paused.';

export const projectionOperations: Operations = {
  'GET /v1/ops/projections': {
    tag: 'Operators',
    summary: 'How far each read model is',
    replies: { 200: json('Lag, and what stands still and why.', projectionsReport) },
  },
  'POST /v1/ops/projections/pause': control('Pause every projection', pausing),
  'POST /v1/ops/projections/resume': control('Resume every paused projection', resuming),
  'POST /v1/ops/projections/:name/pause': byName('Pause one projection', pausing),
  'POST /v1/ops/projections/:name/resume': byName('Resume one projection', resuming),
  'POST /v1/ops/projections/:name/retry': byName(
    'Let a parked projection try again',
    'It tries the event that stopped it once more and goes on, or is parked again. An outdated one needs a rebuild.',
  ),
  'POST /v1/ops/projections/rebuilds': {
    tag: 'Operators',
    summary: 'Build read models anew while the office runs',
    description:
      'A process that projects does it: beside the live tables, compared with them row by row, then put in their place. Goes on where an interrupted one stopped, unless told to restart.',
    requestExamples: {
      everything: { compareOnly: false, restart: false },
      comparison: { names: ['wallets', 'orders'], compareOnly: true, restart: false },
    },
    replies: { 202: json('Written down; `Location` shows how it goes on.', projectionRebuild) },
    problems: ['rebuild-running'],
  },
  'GET /v1/ops/projections/rebuilds/:rebuildId': {
    tag: 'Operators',
    summary: 'How a rebuild is',
    description: '`current` is the one that runs, else the last one. Earlier ones are not remembered.',
    replies: { 200: json('Progress, and in the end the report.', projectionRebuild) },
    problems: ['not-found'],
  },
  'GET /v1/ops/projections/rebuilds/:rebuildId/events': {
    tag: 'Operators',
    summary: 'Follow a rebuild',
    replies: {
      200: {
        kind: 'events',
        description: 'How it is at once and whenever that changes; ends with the rebuild.',
        example: `event: rebuild\ndata: ${JSON.stringify(projectionRebuild.example)}\n\n`,
      },
    },
    problems: ['not-found', 'unavailable'],
  },
  'POST /v1/ops/projections/rebuilds/:rebuildId/cancel': {
    tag: 'Operators',
    summary: 'Stop a rebuild',
    description:
      'Also one that the command runs. It stops within a second or two, unless its tables have taken their place by then; what was built stays for the next one. Nothing happens to one that has ended.',
    replies: { 202: json('How it is now.', projectionRebuild) },
    problems: ['not-found'],
  },
  'GET /metrics': {
    tag: 'Health',
    summary: 'Metrics for Prometheus',
    description: 'Of the read models, and of what this process has applied to them.',
    replies: {
      200: {
        kind: 'text',
        description: 'Prometheus’ text format 0.0.4.',
        example:
          '# TYPE boxoffice_projection_lag_seconds gauge\nboxoffice_projection_lag_seconds{projection="orders"} 0\n',
      },
    },
  },
};
