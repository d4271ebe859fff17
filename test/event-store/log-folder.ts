import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A fresh folder, and the path of an event log in it. */
export function logFolder(): { folder: string; file: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'boxoffice-log-'));
  return {
    folder,
    file: join(folder, 'events.db'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
