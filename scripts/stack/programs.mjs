import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where servers are installed besides PATH. */
const serverFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

/** A server is missing on this machine; the message says what to do about it. */
export class MissingEngine extends Error {}

/** The path of the first of these programs that is installed, or undefined. */
export function findProgram(names) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...serverFolders];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
