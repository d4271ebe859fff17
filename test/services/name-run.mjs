import { randomBytes } from 'node:crypto';
import { findDatabaseServers } from '../../scripts/stack/programs.mjs';

/**
 * Gives the Jest run a name, which its worker processes inherit: what they share is found under it. A run that starts
 * servers says on which databases its suites are tried, and on which they are not.
 */
export default function nameRun(_global, { displayName }) {
  process.env.BOXOFFICE_TEST_RUN ??= randomBytes(4).toString('hex');
  if (['boxoffice', 'full'].includes(displayName?.name) || process.env.BOXOFFICE_TOLD_SERVERS) return;
  process.env.BOXOFFICE_TOLD_SERVERS = 'yes';
  const found = findDatabaseServers();
  const programs = { mariadb: ['MariaDB', 'mariadbd'], mysql: ['MySQL', 'mysqld'] };
  const lines = Object.entries(programs).map(([kind, [name, program]]) =>
    found[kind]
      ? `${name} ${found[kind].version} (${found[kind].path})`
      : `no ${name}: ${program} is not in PATH`,
  );
  process.stderr.write(`database servers: ${lines.join('; ')}\n`);
}
