import { projectionRebuildReply, projectionsReply } from '../../../queries/replies/projections.js';
import { exampleOf } from '../../../queries/replies/reply.js';
import { importReply } from '../../import-report.js';
import {
  auditReply,
  erasedUserReply,
  feedFormatsReply,
  livenessReply,
  readinessReply,
} from '../../replies.js';
import { json, type Operation, type Operations } from '../operation.js';

const control = (summary: string, description: string): Operation => ({
  tag: 'Operators',
  summary,
  description,
  replies: { 200: json('How the projections are now.', projectionsReply) },
});
const byName = (summary: string, description: string): Operation => ({
  ...control(summary, description),
  problems: ['not-found'],
});

const pausing =
  'Whichever process runs it stops before the next event; queries go on with the rows there are. Survives a restart.';
const resuming = 'It goes on where it stopped. Nothing happens to what was not paused.';

export const operatorOperations: Operations = {
  receivePaymentCallback: {
    tag: 'Operators',
    summary: 'For the payment system: a payment was settled',
    description:
      'Signed with `payment-signature` (docs/payment-system.md). The body is not believed: the payment system is asked.',
    requestExamples: {
      approved: {
        paymentId: 'pay_01JD8Z6W',
        idempotencyKey: 'd6f0a12c-3456-5f70-a182-9d0e1f2a3b08',
        status: 'approved',
        amount: 500000,
      },
    },
    replies: { 204: { kind: 'empty', description: 'Taken note of.' } },
    problems: ['forbidden', 'body-too-large'],
    bodyTypes: ['application/json'],
  },
  importFeed: {
    tag: 'Operators',
    summary: 'Import an organiser’s feed',
    headers: ['X-Log-Position'],
    description:
      'docs/feeds.md describes formats and options; `prices`, `pointsPerUnit`, `focus` and `sales` are JSON.',
    requestExamples: {
      boxoffice: { format: 'boxoffice-catalog', version: 1, source: 'sample', venues: [], performances: [] },
    },
    replies: { 200: json('What went in, what did not and why.', importReply) },
    problems: ['feed-refused', 'validation-failed', 'body-too-large', 'unsupported-media-type'],
    bodyTypes: ['application/json', 'application/xml', 'text/plain'],
  },
  listFeedFormats: {
    tag: 'Operators',
    summary: 'Feed formats',
    replies: { 200: json('What can be imported.', feedFormatsReply) },
  },
  runAudit: {
    tag: 'Operators',
    summary: 'Check the whole log against the rules that may never break',
    description: 'Reads every event up to now; who asks while an audit runs gets that one’s report.',
    replies: { 200: json('What was checked and found.', auditReply) },
  },
  eraseUser: {
    tag: 'Operators',
    summary: 'Erase a person',
    headers: ['X-Log-Position'],
    description:
      'By user id or login id. Names are erased for good, also from backups of the log; what the person bought stays with the bare user id. Repeating it is safe.',
    requestExamples: { byLoginId: { user: 'minji', forfeit: true } },
    replies: { 200: json('The person is erased.', erasedUserReply) },
    problems: ['user-unknown', 'account-in-use', 'busy'],
  },
  getLiveness: {
    tag: 'Health',
    summary: 'Is the process alive',
    replies: { 200: json('It is.', livenessReply) },
  },
  getReadiness: {
    tag: 'Health',
    summary: 'Should it be sent requests',
    replies: { 200: json('It should.', readinessReply) },
    problems: ['unavailable'],
  },
  listProjections: {
    tag: 'Operators',
    summary: 'How far each read model is',
    replies: { 200: json('Lag, and what stands still and why.', projectionsReply) },
  },
  pauseAllProjections: control('Pause every projection', pausing),
  resumeAllProjections: control('Resume every paused projection', resuming),
  pauseProjection: byName('Pause one projection', pausing),
  resumeProjection: byName('Resume one projection', resuming),
  retryProjection: byName(
    'Let a parked projection try again',
    'It tries the event that stopped it once more and goes on, or is parked again. An outdated one needs a rebuild.',
  ),
  startRebuild: {
    tag: 'Operators',
    summary: 'Build read models anew while the office runs',
    headers: ['Location'],
    description:
      'A process that projects does it: beside the live tables, compared with them row by row, then put in their place. Goes on where an interrupted one stopped, unless told to restart.',
    requestExamples: {
      everything: { compareOnly: false, restart: false },
      comparison: { names: ['wallets', 'orders'], compareOnly: true, restart: false },
    },
    replies: { 202: json('Written down; `Location` shows how it goes on.', projectionRebuildReply) },
    problems: ['rebuild-running'],
  },
  getRebuild: {
    tag: 'Operators',
    summary: 'How a rebuild is',
    description: '`current` is the one that runs, else the last one. Earlier ones are not remembered.',
    replies: { 200: json('Progress, and in the end the report.', projectionRebuildReply) },
    problems: ['not-found'],
  },
  watchRebuild: {
    tag: 'Operators',
    summary: 'Follow a rebuild',
    replies: {
      200: {
        kind: 'events',
        description: 'How it is at once and whenever that changes; ends with the rebuild.',
        example: `event: rebuild\ndata: ${JSON.stringify(exampleOf(projectionRebuildReply))}\n\n`,
      },
    },
    problems: ['not-found', 'unavailable'],
  },
  cancelRebuild: {
    tag: 'Operators',
    summary: 'Stop a rebuild',
    description:
      'Also one that the command runs. It stops within a second or two, unless its tables have taken their place by then; what was built stays for the next one. Nothing happens to one that has ended.',
    replies: { 202: json('How it is now.', projectionRebuildReply) },
    problems: ['not-found'],
  },
  getMetrics: {
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
