import { checkServer, EventStoreDbRefused } from '../event-store/eventstoredb/check-server.js';
import { targetOf } from '../event-store/eventstoredb/connection.js';
import { type GrantOutcome, grantReading } from '../event-store/eventstoredb/grant.js';
import { readConfig } from '../platform/config.js';
import { BadEventStoreUrl } from '../platform/event-store-url.js';
import { CliFailure, type DefineCommand, exitCodes } from './command.js';
import type { Terminal } from './terminal.js';

interface Flags {
  readonly admin: string;
  readonly resetPassword?: boolean;
  readonly json?: boolean;
}

/** Not part of the server's configuration, since servers must not have it. */
const passwordVariable = 'EVENTSTORE_ADMIN_PASSWORD';

/** What `boxoffice eventstoredb` and the command below it do and take. */
export const defineEventStoreDbCommand: DefineCommand = (command, terminal, done) => {
  command.description('Prepares a secured EventStoreDB for the office.');
  command
    .command('grant')
    .description(
      'Creates the user that EVENTSTORE_URL names and grants it the right to read $all, as an administrator whose password is in ' +
        `${passwordVariable}. Other rights and metadata of $all stay unchanged. Safe to repeat.`,
    )
    .option('--admin <user>', 'the administrator', 'admin')
    .option('--reset-password', 'set the password of an existing user to the one in EVENTSTORE_URL')
    .option('--json', 'print the outcome as JSON')
    .action(async (flags: Flags) => {
      const outcome = await grant(flags, terminal);
      terminal.out(flags.json ? `${JSON.stringify(outcome, null, 2)}\n` : describeGrant(outcome));
      done(exitCodes.ok);
    });
};

async function grant({ admin, resetPassword }: Flags, { env }: Terminal): Promise<GrantOutcome> {
  const { EVENTSTORE_URL } = readConfig(env);
  const password = env[passwordVariable];
  if (EVENTSTORE_URL === undefined)
    throw new CliFailure('EVENTSTORE_URL: is required, with the user to create');
  if (password === undefined || password === '') {
    throw new CliFailure(`${passwordVariable}: is required, the password of the user ${admin}`);
  }
  try {
    const target = targetOf(EVENTSTORE_URL);
    if (target.tls === undefined) {
      throw new CliFailure('EVENTSTORE_URL: has tls=false, and EventStoreDB without TLS has no users');
    }
    await checkServer(target);
    return await grantReading(target, { user: admin, password }, { setsPassword: resetPassword ?? false });
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    if (error instanceof EventStoreDbRefused || error instanceof BadEventStoreUrl) {
      throw new CliFailure(`EVENTSTORE_URL: ${error.message}`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`the right could not be granted: ${reason}`, exitCodes.failed);
  }
}

function describeGrant({ user, account, right, readRoles }: GrantOutcome): string {
  return [
    `user ${user}: ${account}\n`,
    `right to read $all: ${right} (granted to: ${readRoles.join(', ')})\n`,
    `read $all as ${user}: works\n`,
  ].join('');
}
