/**
 * What each folder of src/ may import, beside itself: folders, or single files of them. Imports point one way;
 * docs/architecture.md draws the picture.
 */
const mayImport = {
  events: [],
  domain: ['events'],
  platform: ['events/ids'],
  // The store keeps events and does not interpret them.
  'event-store': ['platform', 'events/streams'],
  'personal-data': ['platform', 'events', 'event-store/port'],
  projections: ['platform', 'events', 'event-store/port', 'domain/shuffle'],
  // Queries read tables, never the log.
  queries: ['platform', 'events', 'projections', 'domain/shuffle'],
  integrations: ['platform', 'events', 'domain/catalog-document', 'domain/plan-identity'],
  commands: [
    'platform',
    'events',
    'domain',
    'queries',
    'event-store/port',
    'integrations/payment/port',
    'integrations/beacon/port',
  ],
  processes: [
    'platform',
    'events',
    'commands',
    'queries',
    'event-store/port',
    'event-store/live-subscription',
  ],
  // An auditor that used the deciders would share their mistakes.
  'analysis/audit': ['events', 'event-store/port', 'domain/shuffle', 'domain/beacon', 'platform/drand'],
  // Replies about the past have the shapes of the queries' replies.
  'analysis/history': ['platform', 'events', 'event-store/port', 'domain', 'queries'],
  'analysis/what-if': ['platform', 'events', 'event-store', 'domain'],
  // What clients look at again and again, in memory.
  boards: ['platform', 'events', 'queries', 'event-store/port', 'event-store/live-subscription'],
  // The API translates; decisions are commands.
  api: [
    'boards',
    'platform',
    'events',
    'commands',
    'queries',
    'domain/rejection',
    'domain/catalog-document',
    'domain/shuffle',
    'event-store/port',
    'integrations',
    'analysis',
  ],
  app: ['.*'],
  cli: ['.*'],
  // The simulator runs the whole product; nothing but the command line may depend on it.
  simulator: [
    'platform',
    'events',
    'domain',
    'event-store',
    'personal-data',
    'projections',
    'queries',
    'boards',
    'integrations/payment/port',
    'integrations/beacon/port',
    'commands',
    'processes',
    'app',
    'analysis/audit',
  ],
};

const layers = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder.replace('/', '-')}-imports`,
  comment: 'See `mayImport` in .dependency-cruiser.cjs.',
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: [folder, ...allowed].map((path) => `^src/${path}(/|\\.ts$|$)`) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: 'src/main\\.ts$' },
      to: {},
    },
    {
      name: 'domain-uses-no-framework',
      severity: 'error',
      from: { path: '^src/(domain|events)/' },
      to: { dependencyTypes: ['npm'], pathNot: 'node_modules/(zod|immutable)/' },
    },
    {
      name: 'one-module-loads-sqlite',
      comment: 'Which driver is loaded depends on the version of Node.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/platform/sqlite\\.ts$' },
      to: { path: 'better-sqlite3' },
    },
    {
      name: 'one-module-reads-the-protocol',
      comment:
        "The generated modules of EventStoreDB's client are not documented; a test pins what protocol.ts exports.",
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/event-store/eventstoredb/protocol\\.ts$' },
      to: { path: '@eventstore/db-client' },
    },
    {
      name: 'only-the-cli-simulates',
      comment: 'The product must not know that it is simulated.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(simulator|cli)/' },
      to: { path: '^src/simulator/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
