import type { Command } from 'commander';
import { z } from 'zod';
import { issueOperatorKeySchema } from '../commands/operators/operator-keys.js';
import { operatorKeyIdSchema, operatorNameSchema } from '../events/ids.js';
import { operatorRoleSchema, operatorRoles } from '../events/operator-events.js';
import { type Config, readConfig } from '../platform/config.js';
import { CliFailure, type DefineCommand, type ExitCode, exitCodes } from './command.js';
import {
  addKeyOptions,
  askAsOperator,
  defaultServerUrl,
  findServer,
  type KeyFlags,
  parseServerUrl,
  refusedRequest,
  requireAdminKey,
} from './running-server.js';
import { type Terminal, textTable } from './terminal.js';

interface Flags extends KeyFlags {
  readonly server?: string;
  readonly directly?: boolean;
  readonly json?: boolean;
}

/** What `boxoffice operators` and the commands below it do and take. */
export const defineOperatorsCommand: DefineCommand = (command, terminal, done) => {
  command.description(
    'Issues, lists and revokes operators’ keys. The running server does it; if none runs on DATA_DIR, the log is ' +
      'opened instead. `boxoffice audit operators` shows what operators did.',
  );
  addIssueCommand(command, terminal, done);
  addListCommand(command, terminal, done);
  addRevokeCommand(command, terminal, done);
};

function withCommonOptions(command: Command): Command {
  return addKeyOptions(command)
    .option('--server <url>', 'the server to ask')
    .option(
      '--directly',
      'open the log instead of asking a server: for the time when all owners’ keys are lost',
    )
    .option('--json', 'print the outcome as JSON');
}

function addIssueCommand(operators: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const issue = operators
    .command('issue')
    .summary('issue a key to an operator')
    .description(
      'Issues a key and prints it once: only its hash is stored. An owner’s key ends the use of the environment’s key.',
    )
    .argument('<operator>', 'whose key it is: a short name, such as "mina"')
    .requiredOption('--role <role>', operatorRoles.join(', '));
  withCommonOptions(issue).action(async (operator: string, flags: Flags & { readonly role: string }) => {
    const input = issueOperatorKeySchema.safeParse({ operator, role: flags.role });
    if (!input.success) throw new CliFailure(input.error.issues.map(describeIssue).join('\n'));
    const issued = await (await keysOf(flags, terminal)).issue(input.data);
    const { key, keyId, role } = issued;
    terminal.out(flags.json ? `${JSON.stringify(issued, null, 2)}\n` : `${key}\n`);
    terminal.err(`key ${keyId} for ${issued.operator} as ${role}: keep it, nobody can show it again\n`);
    if (role === 'owner') terminal.err('the key of the environment opens nothing any more\n');
    done(exitCodes.ok);
  });
}

function describeIssue({ path, message }: z.core.$ZodIssue): string {
  return path[0] === 'role' ? `--role: must be one of ${operatorRoles.join(', ')}` : `the name ${message}`;
}

function addListCommand(operators: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const list = operators.command('list').description('Lists valid keys, and those revoked last.');
  withCommonOptions(list).action(async (flags: Flags) => {
    const listed = await (await keysOf(flags, terminal)).list();
    terminal.out(flags.json ? `${JSON.stringify(listed, null, 2)}\n` : describeKeys(listed));
    done(exitCodes.ok);
  });
}

function describeKeys({ isEnvironmentKeyOpen, keys, revokedKeys }: ListedKeys): string {
  const rows = [
    ...keys.map(({ keyId, operator, role, issuedAt }) => [keyId, operator, role, issuedAt, '']),
    ...revokedKeys.map(({ keyId, operator, role, issuedAt, revokedAt, reason }) => [
      keyId,
      operator,
      role,
      issuedAt,
      `revoked ${revokedAt}: ${reason}`,
    ]),
  ];
  const environment = isEnvironmentKeyOpen
    ? 'The key of the environment opens everything until an owner’s key is issued.'
    : 'The key of the environment opens nothing.';
  if (rows.length === 0) return `No keys have been issued. ${environment}\n`;
  return `${textTable(['key', 'operator', 'role', 'issued', ''], rows)}${environment}\n`;
}

function addRevokeCommand(operators: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const revoke = operators
    .command('revoke')
    .summary('revoke a key, or all keys of an operator')
    .description('Revokes a key, or all keys of an operator. Repeating it is safe.')
    .argument('<key or operator>', 'the id of a key, or the name of an operator')
    .requiredOption('--reason <text>', 'recorded in the log');
  withCommonOptions(revoke).action(async (which: string, flags: Flags & { readonly reason: string }) => {
    const reason = flags.reason.trim();
    if (reason === '' || reason.length > 200) throw new CliFailure('--reason: must have 1 to 200 characters');
    const keys = await keysOf(flags, terminal);
    const { keys: live } = await keys.list();
    const chosen = live.filter(({ keyId, operator }) => keyId === which || operator === which);
    const [first] = chosen;
    if (!first) throw new CliFailure(`no valid key has this id or belongs to ${which}`, exitCodes.failed);
    // Owners last: an own key that is among them is needed for the others.
    const inOrder = [...chosen].sort((a, b) => Number(a.role === 'owner') - Number(b.role === 'owner'));
    for (const { keyId } of inOrder) {
      await keys.revoke(keyId, reason);
      if (!flags.json) terminal.out(`revoked ${keyId}\n`);
    }
    if (flags.json)
      terminal.out(`${JSON.stringify({ revoked: inOrder.map(({ keyId }) => keyId) }, null, 2)}\n`);
    done(exitCodes.ok);
  });
}

const issuedSchema = z.object({
  keyId: operatorKeyIdSchema,
  operator: operatorNameSchema,
  role: operatorRoleSchema,
  key: z.string(),
});
const listedKeySchema = issuedSchema.omit({ key: true }).extend({ issuedAt: z.string() });
const listedSchema = z.object({
  isEnvironmentKeyOpen: z.boolean(),
  keys: z.array(listedKeySchema),
  revokedKeys: z.array(listedKeySchema.extend({ revokedAt: z.string(), reason: z.string() })),
});
export type ListedKeys = z.infer<typeof listedSchema>;
export type IssuedKey = z.infer<typeof issuedSchema>;

/** Operators' keys, through a server or on the log itself. Refusals are thrown as {@link CliFailure}. */
export interface KeyAdministration {
  issue(input: z.infer<typeof issueOperatorKeySchema>): Promise<IssuedKey>;
  list(): Promise<ListedKeys>;
  revoke(keyId: string, reason: string): Promise<void>;
}

async function keysOf(flags: Flags, terminal: Terminal): Promise<KeyAdministration> {
  const config = readConfig(terminal.env);
  if (flags.directly && flags.server !== undefined)
    throw new CliFailure('give --server or --directly, not both');
  const server = flags.directly ? undefined : await serverOf(flags.server, config);
  if (server === undefined) {
    const why = flags.directly ? '' : `no server answers at ${defaultServerUrl(config)}: `;
    terminal.err(
      `${why}opening the log of ${config.EVENTSTORE_URL === undefined ? config.DATA_DIR : 'EVENTSTORE_URL'}\n`,
    );
    const { operatorKeysDirectly } = await import('./directly.js');
    return operatorKeysDirectly(config);
  }
  return keysOverHttp(server, requireAdminKey(server, flags, config, terminal));
}

function serverOf(named: string | undefined, config: Config): Promise<string | undefined> {
  return named === undefined ? findServer(config) : Promise.resolve(parseServerUrl(named));
}

const timeoutMs = 30_000;

function keysOverHttp(serverUrl: string, adminKey: string): KeyAdministration {
  const ask = async (path: string, body?: object): Promise<unknown> => {
    const url = new URL(`/v1/admin/operators${path}`, serverUrl);
    const json = body && { type: 'application/json', text: JSON.stringify(body) };
    const reply = await askAsOperator(url, adminKey, { ...(json && { body: json }), timeoutMs });
    if (reply.status >= 300) throw refusedRequest(`the server at ${serverUrl}`, reply.status, reply.body);
    return reply.body;
  };
  return {
    issue: async (input) => issuedSchema.parse(await ask('', input)),
    list: async () => listedSchema.parse(await ask('')),
    async revoke(keyId, reason) {
      await ask(`/${keyId}/revoke`, { reason });
    },
  };
}
