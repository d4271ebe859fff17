import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { findProgram } from '../../scripts/stack/programs.mjs';

const run = promisify(execFile);
const installTimeoutMs = 300_000;

/** A server program: what it is called, and what brings it. */
export interface Program {
  /** First found wins. */
  readonly names: readonly string[];
  /** Debian's and Ubuntu's package. */
  readonly debianPackage: string;
}

/**
 * The program's path; installed first when this is Debian and we may.
 * @returns undefined when it is missing and cannot be installed here.
 */
export async function provideProgram({ names, debianPackage }: Program): Promise<string | undefined> {
  const found = findProgram(names);
  if (found !== undefined || !mayInstall()) return found;
  await installQuietly(debianPackage);
  return findProgram(names);
}

function mayInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');
}

/** Installs a package without starting its service: the tests start servers of their own. */
async function installQuietly(debianPackage: string): Promise<void> {
  const options = { timeout: installTimeoutMs, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  // Asked by every Debian package before it starts a service: 101 means no.
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = !existsSync(policy);
  if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await run('apt-get', ['update', '-q'], options);
    const flags = ['-qy', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=240'];
    await run('apt-get', ['install', ...flags, debianPackage], options);
  } finally {
    if (isOurs) rmSync(policy, { force: true });
  }
}
