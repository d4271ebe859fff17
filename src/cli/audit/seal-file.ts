import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { maxSealLine, parseSealLine, type Seal, sealLine } from '../../analysis/audit/seal.js';
import { canonicalPath, claimWriting, EventLogRefused } from '../../event-store/sqlite/log-file.js';
import { type Config, createDataDir } from '../../platform/config.js';
import { createOnce } from '../../platform/secrets.js';
import { CliFailure } from '../command.js';

/** How every line begins. */
const sealStart = '{"format":"boxoffice-seal/';

/** A file of seals, one per line; append-only, written by one process at a time. */
export class SealFile {
  private constructor(
    private readonly file: FileHandle,
    private readonly release: () => void,
    /** The newest seal; undefined in a new file. */
    readonly last: Seal | undefined,
  ) {}

  /**
   * Opens or creates the file; removes an incomplete last line.
   * @throws {CliFailure} when another process writes it, or its last line is not a seal.
   */
  static async open(path: string): Promise<SealFile> {
    const release = claim(path);
    try {
      const file = await open(path, 'a+', 0o600);
      try {
        const { lastLine, cutOff, length } = await endOf(file);
        const last = lastLine === undefined ? undefined : parseSealLine(lastLine);
        if (lastLine !== undefined ? !last : !sealStart.startsWith(cutOff.slice(0, sealStart.length))) {
          throw new CliFailure(
            `${path} does not end with a seal: run "boxoffice audit check-seal" for details`,
          );
        }
        if (cutOff !== '') await file.truncate(length);
        return new SealFile(file, release, last);
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Resolves when the seal is on disk. */
  async append(seal: Seal): Promise<void> {
    await this.file.appendFile(`${sealLine(seal)}\n`);
    await this.file.datasync();
  }

  async close(): Promise<void> {
    await this.file.close();
    this.release();
  }
}

/** The lines of a seal file. */
export function sealLines(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}

function claim(path: string): () => void {
  try {
    return claimWriting(canonicalPath(path));
  } catch (error) {
    if (error instanceof EventLogRefused) throw new CliFailure(`seals cannot be written: ${error.message}`);
    throw error;
  }
}

/** The last complete line, the text after it, and the offset of that text in bytes. */
async function endOf(
  file: FileHandle,
): Promise<{ lastLine: string | undefined; cutOff: string; length: number }> {
  const { size } = await file.stat();
  const start = Math.max(0, size - 2 * maxSealLine);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
  const end = buffer.subarray(0, bytesRead);
  const lineEnd = end.lastIndexOf('\n');
  if (lineEnd === -1) return { lastLine: undefined, cutOff: end.toString(), length: start };
  const lineStart = end.subarray(0, lineEnd).lastIndexOf('\n') + 1;
  return {
    lastLine: end.toString('utf8', lineStart, lineEnd),
    cutOff: end.toString('utf8', lineEnd + 1),
    length: start + lineEnd + 1,
  };
}

/** Files that sealing creates in DATA_DIR. */
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
  createDataDir(config.DATA_DIR);
  const file = join(config.DATA_DIR, sealFiles.privateKey);
  createOnce(
    file,
    () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    0o600,
  );
  const key = readKey(file, createPrivateKey);
  createOnce(join(config.DATA_DIR, sealFiles.publicKey), () => publicPem(createPublicKey(key)), 0o600);
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
