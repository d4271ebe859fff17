import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Config } from '../platform/config.js';
import { secretFile } from '../platform/secrets.js';
import { CliFailure } from './exit-codes.js';

const probeTimeoutMs = 1_500;
const aliveSchema = z.object({ live: z.literal(true) });

/** Where this machine's server answers by its configuration. */
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
    return false; // refused, timed out or not ours: nobody is there
  }
}

/** A server's address as given on the command line. @throws {CliFailure} when it is none. */
export function parseServerUrl(text: string): string {
  if (/^https?:\/\/[^/]/.test(text) && URL.canParse(text)) return text;
  throw new CliFailure(`--server: ${text} is not an address such as http://127.0.0.1:3000`);
}

/** The operators' key: as given, from ADMIN_KEY, or the one generated in DATA_DIR; undefined when there is none. */
export function findAdminKey(
  given: string | undefined,
  config: Pick<Config, 'ADMIN_KEY' | 'DATA_DIR'>,
): string | undefined {
  if (given !== undefined) return given;
  if (config.ADMIN_KEY !== undefined) return config.ADMIN_KEY;
  try {
    return readFileSync(secretFile(config.DATA_DIR, 'admin-key'), 'utf8').trim();
  } catch {
    return undefined; // another machine's server, or one that was never started
  }
}
