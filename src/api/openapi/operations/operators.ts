import { operatedChargeReply } from '../../../queries/replies/account.js';
import { boardComparisonsReply } from '../../../queries/replies/boards.js';
import { cancellationReply } from '../../../queries/replies/catalog.js';
import { projectionRebuildReply, projectionsReply } from '../../../queries/replies/projections.js';
import { exampleOf, pageOf, sample } from '../../../queries/replies/reply.js';
import { importReply } from '../../import-report.js';
import {
  auditReply,
  changedOrderReply,
  changedSchedulesReply,
  erasedUserReply,
  feedFormatsReply,
  issuedOperatorKeyReply,
  livenessReply,
  operatorKeysReply,
  ownOperatorKeyReply,
  readinessReply,
  revokedOperatorKeyReply,
  settledChargeReply,
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
  listCharges: {
    tag: 'Operators',
    summary: 'Charges of a status, such as those that need attention',
    description:
      'The charges that have had the status for the longest time come first. A charge needs attention when the payment system cannot say whether its money was taken, or when the fan’s account was erased.',
    replies: { 200: json('One page.', pageOf(operatedChargeReply)) },
  },
  settleCharge: {
    tag: 'Operators',
    summary: 'Settle a charge that needs attention',
    headers: ['X-Log-Position'],
    description:
      'First look the payment up in the payment system by the charge’s id; give the money back there before you reject the charge. Repeating the request is safe; the first reason is kept.',
    requestExamples: {
      credited: { outcome: 'credited', reason: 'The bank confirms payment pay_01JD8Z6W.' },
      rejected: { outcome: 'rejected', reason: 'Payment pay_01JD8Z6W was refunded to the card.' },
    },
    replies: { 200: json('The charge has ended.', settledChargeReply) },
    problems: ['charge-unknown', 'charge-not-settleable', 'wallet-closed', 'busy'],
  },
  importFeed: {
    tag: 'Operators',
    summary: 'Import an organiser’s feed',
    headers: ['X-Log-Position'],
    description:
      'docs/feeds.md describes formats and options; `prices`, `pointsPerUnit`, `focus`, `standing` and `sales` are JSON.',
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
  cancelSchedule: {
    tag: 'Operators',
    summary: 'Cancel a date',
    headers: ['X-Log-Position'],
    description:
      'This is final. From now on no seat of the date can be held or paid for. A process ends its holds and refunds every order, and continues after a restart. Doing it twice changes nothing.',
    requestExamples: { illness: { reason: 'The singer is ill.' } },
    replies: {
      200: json('The date is cancelled; see its cancellation for the refunds.', changedSchedulesReply),
    },
    problems: ['schedule-unknown', 'busy'],
  },
  cancelPerformance: {
    tag: 'Operators',
    summary: 'Cancel all dates of a performance that have not begun',
    headers: ['X-Log-Position'],
    description: 'As for one date. After a failure, repeat it: it cancels the dates that are left.',
    requestExamples: { illness: { reason: 'The tour is off.' } },
    replies: { 200: json('The dates that are cancelled now.', changedSchedulesReply) },
    problems: ['performance-unknown', 'busy'],
  },
  getCancellation: {
    tag: 'Operators',
    summary: 'Progress of the refunds of a cancelled date',
    replies: { 200: json('The seats that are still held or sold.', cancellationReply) },
    problems: ['schedule-unknown'],
  },
  openRefundWindow: {
    tag: 'Operators',
    summary: 'Let fans give tickets of a date back until a moment',
    headers: ['X-Log-Position'],
    description:
      'This holds even after the performance’s own deadline. A window that is already open for longer stays as it is.',
    requestExamples: { moved: { until: '2026-12-10T15:00:00.000Z', reason: 'The hall has changed.' } },
    replies: { 200: json('The window is open.', changedSchedulesReply) },
    problems: ['schedule-unknown', 'busy'],
  },
  refundOrder: {
    tag: 'Operators',
    summary: 'Refund a paid order, or some of its seats',
    headers: ['X-Log-Position'],
    description:
      'At any time, also after the performance. Seats that were given back before are skipped, so repeating it is safe.',
    requestExamples: {
      whole: { reason: 'The view was blocked.' },
      oneSeat: {
        items: [{ scheduleId: sample.scheduleId, seatId: 'A-1' }],
        reason: 'The view was blocked.',
      },
    },
    replies: { 200: json('The order as it is now.', changedOrderReply) },
    problems: [
      'order-unknown',
      'order-not-cancellable',
      'seat-unknown',
      'companion-needs-wheelchair',
      'busy',
    ],
  },
  runAudit: {
    tag: 'Operators',
    summary: 'Check the whole log against the rules that may never break',
    description: 'Reads every event up to now; who asks while an audit runs gets that one’s report.',
    replies: { 200: json('What was checked and found.', auditReply) },
  },
  compareBoards: {
    tag: 'Operators',
    summary: 'Compare what this process shows from memory with the tables',
    description:
      'Seats of dates, queues and tokens that were asked for last. Ask each process by its own address: every one has a memory of its own.',
    replies: { 200: json('What was compared, and what differs.', boardComparisonsReply) },
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
  listOperatorKeys: {
    tag: 'Operators',
    summary: 'Operators’ keys: whose, for which role, since when',
    description: 'A key issued or revoked by another process appears after at most a second.',
    replies: { 200: json('All valid keys, and those revoked last.', operatorKeysReply) },
  },
  issueOperatorKey: {
    tag: 'Operators',
    summary: 'Issue a key to an operator',
    headers: ['X-Log-Position'],
    description:
      'The key is shown only in this reply; its hash is stored. Once an owner’s key has been issued, the key of the environment opens nothing any more. If the reply was lost, revoke the key and issue another.',
    requestExamples: { boxOffice: { operator: 'mina', role: 'box-office' } },
    replies: { 201: json('The key. Keep it: nobody can show it again.', issuedOperatorKeyReply) },
    problems: ['too-many-operator-keys', 'busy'],
  },
  getOwnOperatorKey: {
    tag: 'Operators',
    summary: 'Whose key this is, and for which role',
    replies: { 200: json('The key that was sent.', ownOperatorKeyReply) },
  },
  revokeOperatorKey: {
    tag: 'Operators',
    summary: 'Revoke an operator’s key',
    headers: ['X-Log-Position'],
    description:
      'This process refuses the key at once, others after at most a second. Repeating it is safe; the first reason is kept.',
    requestExamples: { left: { reason: 'Mina has left.' } },
    replies: { 200: json('The key opens nothing any more.', revokedOperatorKeyReply) },
    problems: ['operator-key-unknown', 'last-owner-key', 'busy'],
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
      'Also one that the command runs. It stops within a second or two, unless its tables have taken their place by then; what was built stays for the next one, but for tables with names of people. Nothing happens to one that has ended.',
    replies: { 202: json('How it is now.', projectionRebuildReply) },
    problems: ['not-found'],
  },
  getMetrics: {
    tag: 'Health',
    summary: 'Metrics for Prometheus',
    description:
      'Metrics of the read models, of what this process does in the background, and of charges that need an operator.',
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
