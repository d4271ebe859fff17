/** A database server that is installed. */
export interface DatabaseProgram {
  readonly path: string;
  readonly version: string;
}

export class MissingEngine extends Error {}
export function findProgram(names: readonly string[]): string | undefined;
export function findDatabaseServers(): {
  readonly mariadb?: DatabaseProgram;
  readonly mysql?: DatabaseProgram;
};
