import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { BadEventStoreUrl, type EventStoreUrl, parseEventStoreUrl } from '../../platform/event-store-url.js';

/** What to connect to. */
export interface Target extends EventStoreUrl {
  /** Whether the node to use is found by gossip. */
  readonly isCluster: boolean;
  /**
   * Whether every call requires the leader, so that another node refuses it: commands decide on what they read, and a
   * follower may not have the newest events yet.
   */
  readonly requiresLeader: boolean;
  /** Undefined: plain text. */
  readonly tls: { readonly ca?: Buffer; readonly certificate?: Buffer; readonly key?: Buffer } | undefined;
  /** The name of this process in the server's log. */
  readonly connectionName: string;
}

/**
 * What a connection string says, with the files it names.
 * @throws {BadEventStoreUrl} when it is malformed or names a file that does not exist.
 */
export function targetOf(connectionString: string): Target {
  const url = parseEventStoreUrl(connectionString);
  return {
    ...url,
    isCluster: url.isDiscovered || url.hosts.length > 1,
    requiresLeader: url.nodePreference === 'leader',
    tls: url.hasTls ? tlsOf(url) : undefined,
    connectionName: url.connectionName ?? `boxoffice ${randomUUID()}`,
  };
}

function tlsOf({ tlsCaFile, userCertificateFile, userKeyFile }: EventStoreUrl): NonNullable<Target['tls']> {
  return {
    ...(tlsCaFile === undefined ? {} : { ca: fileOf('tlsCAFile', tlsCaFile) }),
    ...(userCertificateFile === undefined
      ? {}
      : { certificate: fileOf('userCertFile', userCertificateFile) }),
    ...(userKeyFile === undefined ? {} : { key: fileOf('userKeyFile', userKeyFile) }),
  };
}

function fileOf(parameter: string, file: string): Buffer {
  if (!existsSync(file))
    throw new BadEventStoreUrl(`the file of the parameter ${parameter} does not exist: ${file}`);
  return readFileSync(file);
}
