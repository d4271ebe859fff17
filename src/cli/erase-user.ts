import { z } from 'zod';
import { type UserId, userIdSchema } from '../events/ids.js';
import { readConfig } from '../platform/config.js';
import { type DefineCommand, exitCodes } from './command.js';
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
import type { Terminal } from './terminal.js';

interface Flags extends KeyFlags {
  readonly forfeit?: boolean;
  readonly server?: string;
  readonly json?: boolean;
}

/** What `boxoffice erase-user` does and takes. */
export const defineEraseUserCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Erases the names and the login id of a person, also in backups of the log; purchases stay under the user id. This ' +
        'cannot be undone. The running server does it; if none answers at the configured address, the data folder is ' +
        'opened instead. Repeating it is safe.',
    )
    .argument('<user>', 'a user id, or a login id')
    .option('--forfeit', 'give up remaining points and tickets for future dates')
    .option('--server <url>', 'the server to ask')
    .option('--json', 'print the outcome as JSON');
  addKeyOptions(command).action(async (user: string, flags: Flags) => {
    const outcome = await erase({ user, forfeit: flags.forfeit ?? false }, flags, terminal);
    terminal.out(flags.json ? `${JSON.stringify(outcome, null, 2)}\n` : describe(outcome));
    done(outcome.kind === 'erased' ? exitCodes.ok : exitCodes.failed);
  });
};

async function erase(
  input: { readonly user: string; readonly forfeit: boolean },
  flags: Flags,
  terminal: Terminal,
): Promise<ErasureOutcome> {
  const config = readConfig(terminal.env);
  const server = flags.server === undefined ? await findServer(config) : parseServerUrl(flags.server);
  if (server === undefined) {
    terminal.err(`no server answers at ${defaultServerUrl(config)}: opening ${config.DATA_DIR}\n`);
    const { eraseUserDirectly } = await import('./directly.js');
    return eraseUserDirectly(config, input);
  }
  return eraseUserOverHttp(server, requireAdminKey(server, flags, config, terminal), input);
}

function describe(outcome: ErasureOutcome): string {
  if (outcome.kind === 'refused') return `not erased (${outcome.code}): ${outcome.reason}\n`;
  return `erased: user ${outcome.userId} can no longer be linked to a person\n`;
}

export type ErasureOutcome =
  | { readonly kind: 'erased'; readonly userId: UserId }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string };

const erasureTimeoutMs = 30_000;
const erasedSchema = z.object({ userId: userIdSchema });
const refusedSchema = z.object({
  code: z.enum(['user-unknown', 'account-in-use', 'busy']),
  detail: z.string(),
});

/**
 * Asks a running server to erase a person.
 * @throws {CliFailure} when the server refuses the request itself or can't be reached.
 */
export async function eraseUserOverHttp(
  serverUrl: string,
  adminKey: string,
  input: { readonly user: string; readonly forfeit: boolean },
): Promise<ErasureOutcome> {
  const { status, body } = await askAsOperator(new URL('/v1/admin/erasures', serverUrl), adminKey, {
    body: { type: 'application/json', text: JSON.stringify(input) },
    timeoutMs: erasureTimeoutMs,
  });
  if (status === 200) return { kind: 'erased', ...erasedSchema.parse(body) };
  const refused = refusedSchema.safeParse(body);
  if (!refused.success) throw refusedRequest(`the server at ${serverUrl}`, status, body);
  return { kind: 'refused', code: refused.data.code, reason: refused.data.detail };
}
