import { existsSync, linkSync, unlinkSync, writeFileSync } from 'node:fs';
import { isNativeError } from 'node:util/types';

/**
 * Creates a file, unless it exists. Written aside and linked into place: of two processes that start together one
 * wins, and nobody ever reads half a file.
 * @param content asked for only when there is none.
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
