import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { isRunning, type ProcessIdentity, thisProcess } from './process-identity.js';

const announcementSchema = z.object({
  url: z.url({ protocol: /^https?$/ }),
  pid: z.number().int().min(1),
  startTicks: z.number().int().min(0),
});

/** The file in DATA_DIR by which commands on this machine find the server that uses the folder. */
function serverFile(dataDir: string): string {
  return join(dataDir, 'server');
}

/**
 * Writes down at which address this process serves. Only users who can write DATA_DIR can name another address, so
 * commands may send the operators' key to this one.
 * @returns withdraws the announcement, unless another process has made one since.
 */
export function announceServer(dataDir: string, url: string): () => void {
  const file = serverFile(dataDir);
  const announcement = JSON.stringify({ url, ...thisProcess() });
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, announcement, { mode: 0o600 });
    renameSync(draft, file);
  } catch {
    // A process that keeps nothing on this machine needs no folder; commands then name the server themselves.
    return () => undefined;
  }
  return () => {
    if (read(file) === announcement) rmSync(file, { force: true });
  };
}

/** The address of the server that runs on the folder, by its own announcement; undefined when none does. */
export function announcedServer(dataDir: string): string | undefined {
  let announced: unknown;
  try {
    announced = JSON.parse(read(serverFile(dataDir)) ?? 'null');
  } catch {
    return undefined; // damaged: as good as none
  }
  const parsed = announcementSchema.safeParse(announced);
  if (!parsed.success) return undefined;
  const server: ProcessIdentity = parsed.data;
  return isRunning(server) ? parsed.data.url : undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
