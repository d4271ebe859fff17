import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { maxSealLine, parseSealLine, type Seal, sealLine } from '../../analysis/audit/seal.js';
import { canonicalPath, claimWriting, EventLogRefused } from '../../event-store/sqlite/log-file.js';

import { CliFailure } from '../exit-codes.js';

/** How every line begins. */
const sealStart = '{"format":"boxoffice-seal/';

/** A file of seals, one a line, only ever appended to, by one process at a time. */
export class SealFile {
  private constructor(
    private readonly file: FileHandle,
    private readonly release: () => void,
    /** The newest seal; undefined in a new file. */
    readonly last: Seal | undefined,
  ) {}

  /**
   * Opens or creates the file; a line that was cut off while it was written is taken away.
   * @throws {CliFailure} when another process writes it, or it does not end in a seal.
   */
  static async open(path: string): Promise<SealFile> {
    const release = claim(path);
    try {
      const file = await open(path, 'a+');
      try {
        const { lastLine, cutOff, length } = await endOf(file);
        const last = lastLine === undefined ? undefined : parseSealLine(lastLine);
        if (lastLine !== undefined ? !last : !sealStart.startsWith(cutOff.slice(0, sealStart.length))) {
          throw new CliFailure(`${path} does not end in a seal: "boxoffice audit check-seal" tells more`);
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

  /** Resolves when the seal is on the disk. */
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

/** The last whole line, what comes behind it, and where that begins, in bytes. */
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
