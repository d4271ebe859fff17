import { isIP } from 'node:net';
import type { Command } from 'commander';
import { z } from 'zod';
import { type Config, readSecretFile } from '../platform/config.js';
import { secretFile } from '../platform/secrets.js';
import { announcedServer } from '../platform/server-file.js';
import { CliFailure, exitCodes } from './command.js';
import type { Terminal } from './terminal.js';

const probeTimeoutMs = 1_500;
const aliveSchema = z.object({ live: z.literal(true) });

/** The address of this machine's server, by its configuration. */
export function defaultServerUrl({ HOST, PORT }: Pick<Config, 'HOST' | 'PORT'>): string {
  const host = ['0.0.0.0', '::', ''].includes(HOST) ? '127.0.0.1' : HOST;
  return `http://${host.includes(':') ? `[${host}]` : host}:${PORT}`;
}

/** Whether a boxoffice server answers at `url`. */
export async function isServerAt(url: string): Promise<boolean> {
  try {
    const reply = await fetch(new URL('/health/live', url), { signal: AbortSignal.timeout(probeTimeoutMs) });
    return reply.ok && aliveSchema.safeParse(await reply.json()).success;
  } catch {
    return false; // refused, timed out, or another server
  }
}

/** A server's address from the command line. @throws {CliFailure} when it is not an address. */
export function parseServerUrl(text: string): string {
  if (/^https?:\/\/[^/]/.test(text) && URL.canParse(text)) return text;
  throw new CliFailure(`--server: ${text} is not an address such as http://127.0.0.1:3000`);
}

/**
 * The server that a command without `--server` talks to: the one that runs on DATA_DIR, by the file it keeps there.
 * Undefined when none does.
 * @throws {CliFailure} when only the configured address answers: any user of this machine can listen there, and would
 * be sent the operators' key.
 */
export async function findServer(
  config: Pick<Config, 'HOST' | 'PORT' | 'DATA_DIR'>,
): Promise<string | undefined> {
  const announced = announcedServer(config.DATA_DIR);
  if (announced !== undefined && (await isServerAt(announced))) return announced;
  const configured = defaultServerUrl(config);
  if (!(await isServerAt(configured))) return undefined;
  throw new CliFailure(
    `a server answers at ${configured}, but it does not run on ${config.DATA_DIR}, so it is not sent the operators’ key: ` +
      'name it with --server, or set DATA_DIR to the folder of yours',
  );
}

/** The options of a command about the operators' key. */
export interface KeyFlags {
  readonly adminKey?: string;
  readonly adminKeyFile?: string;
}

/** Adds the options of {@link KeyFlags}. @param purpose what the key is for, when not for the whole command. */
export function addKeyOptions(command: Command, purpose = ''): Command {
  return command
    .option(
      '--admin-key-file <path>',
      `a file with the operators’ key${purpose} (default: ADMIN_KEY, ADMIN_KEY_FILE, or DATA_DIR/admin-key)`,
    )
    .option('--admin-key <key>', 'the key itself; other users of this machine can see it');
}

/**
 * The operators' key: as given, from ADMIN_KEY, or from DATA_DIR; undefined when there is none.
 * @throws {CliFailure} when a file was named that cannot be used.
 */
export function findAdminKey(
  { adminKey, adminKeyFile }: KeyFlags,
  config: Pick<Config, 'ADMIN_KEY' | 'DATA_DIR'>,
  terminal: Pick<Terminal, 'err'>,
): string | undefined {
  if (adminKey !== undefined && adminKeyFile !== undefined) {
    throw new CliFailure('--admin-key-file: is given beside --admin-key: give one of them');
  }
  if (adminKey !== undefined) {
    terminal.err(
      'warning: a key given as an argument can be seen by other users of this machine and stays in the history of the ' +
        'shell: use --admin-key-file, or set ADMIN_KEY or ADMIN_KEY_FILE\n',
    );
    return adminKey;
  }
  if (adminKeyFile !== undefined) {
    const read = readSecretFile(adminKeyFile);
    if (read.value === undefined) throw new CliFailure(`--admin-key-file: ${adminKeyFile} ${read.problem}`);
    return read.value;
  }
  // Without a file in DATA_DIR, the server runs on another machine or was never started.
  return config.ADMIN_KEY ?? readSecretFile(secretFile(config.DATA_DIR, 'admin-key')).value;
}

/** As {@link findAdminKey}. @throws {CliFailure} also when there is none. */
export function requireAdminKey(
  server: string,
  ...[flags, config, terminal]: Parameters<typeof findAdminKey>
): string {
  const adminKey = findAdminKey(flags, config, terminal);
  if (adminKey === undefined) {
    throw new CliFailure(
      `the server at ${server} needs the operators’ key: give --admin-key-file or ADMIN_KEY`,
    );
  }
  if (!isEncrypted(server)) {
    terminal.err(
      `warning: ${server} is reached without TLS: others on the way can read the operators’ key\n`,
    );
  }
  return adminKey;
}

/** Whether nobody on the way can read what is sent: TLS, or this machine itself. */
function isEncrypted(server: string): boolean {
  const { protocol, hostname } = new URL(server);
  const isLoopback =
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
  return protocol === 'https:' || isLoopback;
}

/** What is sent to a server; without a body it is a question. */
interface OperatorRequest {
  readonly body?: { readonly type: string; readonly text: string };
  readonly timeoutMs: number;
}

/**
 * Sends a request to a server with the operators' key.
 * @returns the reply, also when it is a refusal.
 * @throws {CliFailure} when the server cannot be reached or does not answer in time.
 */
export async function askAsOperator(
  url: URL,
  adminKey: string,
  { body, timeoutMs }: OperatorRequest,
): Promise<{ status: number; body: unknown }> {
  const headers = { authorization: `Bearer ${adminKey}`, ...(body && { 'content-type': body.type }) };
  try {
    const reply = await fetch(url, {
      headers,
      // Whoever is redirected to was not named.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      ...(body && { method: 'POST', body: body.text }),
    });
    if (reply.status >= 300 && reply.status < 400) {
      await reply.body?.cancel();
      throw new CliFailure(
        `${url.origin} redirects to another address, which is not sent the operators’ key: name it with --server`,
      );
    }
    return { status: reply.status, body: await reply.json() };
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliFailure(`${url.origin} did not answer: ${reason}`, exitCodes.failed);
  }
}

/** The failure when the server refused the request itself. */
export function refusedRequest(via: string, status: number, body: unknown): CliFailure {
  const advice = status === 401 ? ' Give the key with --admin-key-file or ADMIN_KEY.' : '';
  return new CliFailure(
    `${via} answered ${status}: ${detailOf(body)}${advice}`,
    status < 500 ? exitCodes.unusable : exitCodes.failed,
  );
}

function detailOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return 'no reason given';
  const detail = 'detail' in body ? String(body.detail) : 'no reason given';
  return 'errors' in body ? `${detail} ${JSON.stringify(body.errors)}` : detail;
}
