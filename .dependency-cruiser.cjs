/**
 * Imports point one way: api → commands → domain → events; processes → commands and events;
 * projections → events; queries never touch the event store.
 */
const from = (path) => ({ path: `^src/${path}/` });
const rule = (name, comment, source, forbidden) => ({
  name,
  comment,
  severity: 'error',
  from: from(source),
  to: { path: forbidden.map((path) => `^src/${path}`) },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/', pathNot: 'src/main\\.ts$' }, to: {} },
    {
      name: 'events-stand-alone',
      comment: 'Events are the vocabulary: they know nothing of who uses them.',
      severity: 'error',
      from: from('events'),
      to: { path: '^src/', pathNot: '^src/events/' },
    },
    {
      name: 'domain-is-pure',
      comment: 'Decisions know events and each other; no I/O, clock or framework.',
      severity: 'error',
      from: from('domain'),
      to: { path: '^src/', pathNot: '^src/(domain|events)/' },
    },
    {
      name: 'domain-uses-no-framework',
      severity: 'error',
      from: { path: '^src/(domain|events)/' },
      to: { dependencyTypes: ['npm'], pathNot: 'node_modules/zod/' },
    },
    rule('store-knows-no-meaning', 'The store keeps events; it does not read them.', 'event-store', [
      'api', 'commands', 'domain', 'processes', 'projections', 'queries', 'integrations', 'cli', 'audit',
    ]),
    rule('commands-point-down', 'Commands are asked, they do not ask back.', 'commands', [
      'api', 'processes', 'projections', 'queries', 'cli', 'audit', 'event-store/(?!port)', 'integrations/(?!payment/port)',
    ]),
    rule('processes-send-commands', 'Processes react to events and send commands.', 'processes', [
      'api', 'domain', 'projections', 'queries', 'integrations', 'cli', 'audit', 'event-store/(?!port)',
    ]),
    rule('projections-read-events', 'The queue shuffle is the one rule a projection shares.', 'projections', [
      'api', 'commands', 'domain/(?!queue/shuffle)', 'processes', 'queries', 'integrations', 'cli', 'audit', 'event-store/(?!port)',
    ]),
    rule('queries-read-tables', 'Queries never touch the event store.', 'queries', [
      'api', 'commands', 'domain/(?!queue/shuffle)', 'processes', 'integrations', 'cli', 'audit', 'event-store',
    ]),
    rule('api-decides-nothing', 'The API translates; decisions are commands.', 'api', [
      'domain/(?!rejection|catalog/document)', 'processes', 'projections', 'cli', 'event-store/(?!port)',
    ]),
    rule('integrations-stay-outside', 'The outside world knows documents and ports, not our commands.', 'integrations', [
      'api', 'commands', 'processes', 'projections', 'queries', 'cli', 'audit', 'event-store',
    ]),
    rule('audit-is-independent', 'An auditor that used the deciders would share their mistakes.', 'audit', [
      'api', 'commands', 'domain/(?!queue/shuffle)', 'processes', 'projections', 'queries', 'integrations', 'cli', 'event-store/(?!port)',
    ]),
    rule('platform-is-the-floor', 'Platform code serves everyone and knows nobody but the events.', 'platform', [
      'api', 'commands', 'domain', 'event-store', 'processes', 'projections', 'queries', 'integrations', 'cli', 'audit',
    ]),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
