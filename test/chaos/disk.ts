import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
const roomyMib = 512;
const shrinkAttempts = 50;

/** A folder on a disk that can be full. */
export interface Disk {
  readonly folder: string;
  /** How it becomes full, for the report. */
  readonly means: string;
  /** Makes it full for the process; @returns what makes room again. */
  fill(pid: number): Promise<() => Promise<void>>;
  /** The files stay where they were. */
  close(): Promise<void>;
}

/**
 * A small tmpfs where this user may mount one: writes then fail with ENOSPC, as on any full disk. Elsewhere the limit
 * of the process's file size (RLIMIT_FSIZE): writes fail with EFBIG, which SQLite takes for a broken disk.
 */
export async function openDisk(folder: string): Promise<Disk> {
  mkdirSync(folder, { recursive: true });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${roomyMib}m,mode=700`, 'boxoffice-chaos', folder]);
    return tmpfs(folder);
  } catch {
    return limitedFiles(folder);
  }
}

function tmpfs(folder: string): Disk {
  const resize = (size: string) => run('mount', ['-o', `remount,size=${size}`, folder]);
  return {
    folder,
    means: 'tmpfs',
    async fill() {
      await shrink(folder, resize);
      return async () => {
        await resize(`${roomyMib}m`);
      };
    },
    async close() {
      const kept = `${folder}-kept`;
      cpSync(folder, kept, { recursive: true });
      // Lazily: a process that is just being started may have files open, and ends with us.
      await run('umount', ['--lazy', folder]);
      rmSync(folder, { recursive: true, force: true });
      renameSync(kept, folder);
    },
  };
}

/** To what is used: it may have grown before the call, which is then refused. */
async function shrink(folder: string, resize: (size: string) => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { blocks, bfree, bsize } = statfsSync(folder);
    try {
      await resize(String((blocks - bfree) * bsize));
      return;
    } catch (error) {
      if (attempt === shrinkAttempts) throw error;
    }
  }
}

function limitedFiles(folder: string): Disk {
  const limit = (pid: number, soft: string) =>
    run('prlimit', ['--pid', String(pid), `--fsize=${soft}:unlimited`]);
  return {
    folder,
    means: 'RLIMIT_FSIZE',
    async fill(pid) {
      await limit(pid, '4096');
      return async () => {
        await limit(pid, 'unlimited');
      };
    },
    close: async () => undefined,
  };
}
