import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../src/cli/main.js';
import type { Terminal } from '../../src/cli/terminal.js';
import { announceServer } from '../../src/platform/server-file.js';

/** A terminal that keeps what is written to it. */
export class CapturedTerminal implements Terminal {
  stdout = '';
  stderr = '';
  readonly isInteractive = false;

  constructor(readonly env: Terminal['env'] = {}) {}

  out(text: string): void {
    this.stdout += text;
  }

  err(text: string): void {
    this.stderr += text;
  }
}

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program with the given words and environment. */
export async function cli(args: readonly string[], env: Terminal['env'] = {}): Promise<CliRun> {
  const terminal = new CapturedTerminal(env);
  const code = await runCli(args, terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

const folders: string[] = [];

/** An environment with an empty data folder of its own and a port on which nobody answers. */
export async function freshEnv(): Promise<Record<'DATA_DIR' | 'PORT', string>> {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-cli-'));
  folders.push(folder);
  return { DATA_DIR: join(folder, 'data'), PORT: String(await unusedPort()) };
}

/** The same environment, with a server that runs on its data folder. */
export function runningOn<Env extends { readonly DATA_DIR: string }>(env: Env, serverUrl: string): Env {
  mkdirSync(env.DATA_DIR, { recursive: true });
  announceServer(env.DATA_DIR, serverUrl);
  return env;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A port that was free a moment ago. */
async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP
  await new Promise((resolve) => server.close(resolve));
  return port;
}
