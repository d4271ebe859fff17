import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../platform/config.js';
import { createOnce } from '../../platform/secrets.js';
import { CliFailure } from '../exit-codes.js';

/** Files in DATA_DIR that sealing makes. */
export const sealFiles = {
  privateKey: 'seal-key.pem',
  publicKey: 'seal-key.pub.pem',
  seals: 'seals.jsonl',
} as const;

/**
 * The Ed25519 key that signs: SEAL_KEY_FILE's, or one generated once in DATA_DIR, its public half beside it.
 * @throws {CliFailure} when the file holds no such key.
 */
export function sealingKey(config: Config): KeyObject {
  if (config.SEAL_KEY_FILE !== undefined) return readKey(config.SEAL_KEY_FILE, createPrivateKey);
  mkdirSync(config.DATA_DIR, { recursive: true });
  const file = join(config.DATA_DIR, sealFiles.privateKey);
  createOnce(
    file,
    () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    0o600,
  );
  const key = readKey(file, createPrivateKey);
  createOnce(join(config.DATA_DIR, sealFiles.publicKey), () => publicPem(createPublicKey(key)), 0o644);
  return key;
}

/**
 * The public key to check with.
 * @param file the one given; default: that of SEAL_KEY_FILE, or the one in DATA_DIR.
 * @throws {CliFailure} when there is none.
 */
export function checkingKey(config: Config, file: string | undefined): KeyObject {
  if (file !== undefined) return readKey(file, createPublicKey);
  if (config.SEAL_KEY_FILE !== undefined)
    return createPublicKey(readKey(config.SEAL_KEY_FILE, createPrivateKey));
  const kept = join(config.DATA_DIR, sealFiles.publicKey);
  if (!existsSync(kept)) {
    throw new CliFailure(
      `there is no public key at ${kept}: name one with --public-key, or seal the log first`,
    );
  }
  return readKey(kept, createPublicKey);
}

/** A public key as a PEM file holds it. */
export function publicPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

function readKey(file: string, parse: (pem: string) => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CliFailure(
      `${file} cannot be used as a key: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new CliFailure(`${file} holds a key of type ${key.asymmetricKeyType}, not an Ed25519 key`);
}
