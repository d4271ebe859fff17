import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Config } from '../platform/config.js';
import { secretFile } from '../platform/secrets.js';
import { CliFailure, exitCodes } from './command.js';

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

/** The operators' key: as given, from ADMIN_KEY, or from DATA_DIR; undefined when there is none. */
export function findAdminKey(
  given: string | undefined,
  config: Pick<Config, 'ADMIN_KEY' | 'DATA_DIR'>,
): string | undefined {
  if (given !== undefined) return given;
  if (config.ADMIN_KEY !== undefined) return config.ADMIN_KEY;
  try {
    return readFileSync(secretFile(config.DATA_DIR, 'admin-key'), 'utf8').trim();
  } catch {
    return undefined; // the server runs on another machine, or was never started
  }
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
      signal: AbortSignal.timeout(timeoutMs),
      ...(body && { method: 'POST', body: body.text }),
    });
    return { status: reply.status, body: await reply.json() };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliFailure(`${url.origin} did not answer: ${reason}`, exitCodes.failed);
  }
}

/** The failure when the server refused the request itself. */
export function refusedRequest(via: string, status: number, body: unknown): CliFailure {
  const advice = status === 401 ? ' Give the key with --admin-key or ADMIN_KEY.' : '';
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
