import { json, type Operations } from '../operation.js';
import { erasedUser } from '../replies/account.js';
import { auditReport } from '../replies/audit.js';
import { importFormats, importReport, liveness, readiness } from '../replies/system.js';

export const systemOperations: Operations = {
  'POST /v1/payment-callbacks': {
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
  'POST /v1/admin/imports': {
    tag: 'Operators',
    summary: 'Import an organiser’s feed',
    description: 'docs/feeds.md describes formats and options; `prices` and `sales` are JSON.',
    requestExamples: {
      boxoffice: { format: 'boxoffice-catalog', version: 1, source: 'sample', venues: [], performances: [] },
    },
    replies: { 200: json('What became of each record.', importReport) },
    problems: ['feed-refused', 'validation-failed', 'body-too-large', 'unsupported-media-type'],
    bodyTypes: ['application/json', 'application/xml', 'text/plain'],
  },
  'GET /v1/admin/imports/formats': {
    tag: 'Operators',
    summary: 'Feed formats',
    replies: { 200: json('What can be imported.', importFormats) },
  },
  'GET /v1/admin/audit': {
    tag: 'Operators',
    summary: 'Check the whole log against the rules that may never break',
    description: 'Reads every event up to now; who asks while an audit runs gets that one’s report.',
    replies: { 200: json('What was checked and found.', auditReport) },
  },
  'POST /v1/admin/erasures': {
    tag: 'Operators',
    summary: 'Erase a person',
    description:
      'By user id or login id. Names are erased for good, also from backups of the log; what the person bought stays with the bare user id. Repeating it is safe.',
    requestExamples: { byLoginId: { user: 'minji', forfeit: true } },
    replies: { 200: json('The person is erased.', erasedUser) },
    problems: ['user-unknown', 'account-in-use', 'busy'],
  },
  'GET /health/live': {
    tag: 'Health',
    summary: 'Is the process alive',
    replies: { 200: json('It is.', liveness) },
  },
  'GET /health/ready': {
    tag: 'Health',
    summary: 'Should it be sent requests',
    replies: { 200: json('It should.', readiness) },
    problems: ['unavailable'],
  },
};
