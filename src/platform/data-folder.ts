import { chmodSync, closeSync, lstatSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What this program keeps in DATA_DIR; other files there are left as they are. */
const ourFiles =
  /^(?:(?:events|read-models|payments|keys)\.db(?:-wal|-shm|-journal|\.lock)?|secret|admin-key|server|seal-key(?:\.pub)?\.pem|seals\.jsonl(?:\.lock)?)$/;

const folderMode = 0o700;
const fileMode = 0o600;
const modeBits = 0o777;
/** Folders that all users share, such as /tmp. */
const stickyBit = 0o1000;

/** What was found open to other users. */
export interface TightenedFolder {
  /** Paths that only their owner can open now. */
  readonly tightened: readonly string[];
  /** Paths that could not be changed, and why. */
  readonly open: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Takes the permissions of all but the owner from DATA_DIR and from our files in it, which earlier versions left. Files
 * that are created later get them by {@link createPrivateFile}. A folder that does not exist has nothing to change.
 */
export function tightenDataFolder(dataDir: string): TightenedFolder {
  const tightened: string[] = [];
  const open: { path: string; reason: string }[] = [];
  const tighten = (path: string, mode: number): void => {
    try {
      chmodSync(path, mode);
      tightened.push(path);
    } catch (error) {
      open.push({ path, reason: error instanceof Error ? error.message : String(error) });
    }
  };
  const folder = statSync(dataDir, { throwIfNoEntry: false });
  if (!folder?.isDirectory() || process.platform === 'win32') return { tightened, open };
  if ((folder.mode & stickyBit) !== 0) open.push({ path: dataDir, reason: 'all users share this folder' });
  else if ((folder.mode & modeBits & ~folderMode) !== 0) tighten(dataDir, folderMode);
  for (const name of readdirSync(dataDir).filter((one) => ourFiles.test(one))) {
    const path = join(dataDir, name);
    // SQLite removes files beside its own when it closes.
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() && (stats.mode & modeBits & ~fileMode) !== 0) tighten(path, fileMode);
  }
  return { tightened, open };
}

/** Creates an empty file that only its owner can open, unless it exists. SQLite gives its `-wal` and `-shm` the same mode. */
export function createPrivateFile(file: string): void {
  closeSync(openSync(file, 'a', fileMode));
}
