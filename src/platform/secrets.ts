import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isNativeError } from 'node:util/types';
import { type Config, createDataDir } from './config.js';
import type { RotatingSecret } from './rotating-secret.js';
import { deriveKey } from './token-signer.js';

export interface Secrets {
  /** Signs the bearer tokens of fans. */
  readonly tokens: RotatingSecret;
  /** Queue seeds derive from it. */
  readonly queueSeeds: RotatingSecret;
  /** Encrypts the keys of personal data. */
  readonly personalData: RotatingSecret;
  /** Of the environment; none where several processes share the work and ADMIN_KEY is unset. */
  readonly adminKey: string | undefined;
  readonly paymentApiKey: string;
  readonly paymentCallbackSecret: string;
}

/** The secrets given by the configuration; those not given are generated once and kept in DATA_DIR. */
export function resolveSecrets(config: Config): Secrets {
  let base = config.SECRET;
  const baseSecret = (): string => {
    base ??= keptSecret(config.DATA_DIR, 'secret');
    return base;
  };
  const derived = (purpose: string) => deriveKey(baseSecret(), purpose).toString('hex');
  const rotating = (own: string | undefined, previous: string | undefined): RotatingSecret =>
    own === undefined
      ? { current: baseSecret(), previous: previous ?? config.SECRET_PREVIOUS }
      : { current: own, previous };
  return {
    tokens: rotating(config.TOKEN_SECRET, config.TOKEN_SECRET_PREVIOUS),
    queueSeeds: rotating(config.QUEUE_SECRET, config.QUEUE_SECRET_PREVIOUS),
    personalData: rotating(config.DATA_SECRET, config.DATA_SECRET_PREVIOUS),
    // Processes that share the work would generate different ones.
    adminKey:
      config.ADMIN_KEY ?? (config.ROLE === 'all' ? keptSecret(config.DATA_DIR, 'admin-key') : undefined),
    paymentApiKey: config.PAYMENT_API_KEY ?? derived('virtual payment system key'),
    paymentCallbackSecret: config.PAYMENT_CALLBACK_SECRET ?? derived('virtual payment system callbacks'),
  };
}

/** The file of a generated secret. */
export function secretFile(dataDir: string, name: 'secret' | 'admin-key'): string {
  return join(dataDir, name);
}

function keptSecret(dataDir: string, name: 'secret' | 'admin-key'): string {
  createDataDir(dataDir);
  const file = secretFile(dataDir, name);
  createOnce(file, () => randomBytes(32).toString('hex'), 0o600);
  const kept = readFileSync(file, 'utf8').trim();
  if (kept.length < 32) throw new Error(`${file} is damaged: restore it from a backup`);
  return kept;
}

/**
 * Creates a file unless it exists. It is written under another name and then linked, so that of two processes that
 * start together one wins, and no process reads half a file.
 * @param content called only when there is no file.
 * @param mode permissions, such as 0o600.
 */
export function createOnce(file: string, content: () => string, mode: number): void {
  if (existsSync(file)) return;
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, content(), { mode });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!isNativeError(error) || !('code' in error) || error.code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}
