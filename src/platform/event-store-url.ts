/** The address of a server. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const nodePreferences = ['leader', 'follower', 'readOnlyReplica', 'random'] as const;
export type NodePreference = (typeof nodePreferences)[number];

/** What an EventStoreDB connection string says. */
export interface EventStoreUrl {
  readonly hosts: readonly [Endpoint, ...Endpoint[]];
  /** `+discover`: the host name resolves to all nodes. */
  readonly isDiscovered: boolean;
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  readonly hasTls: boolean;
  readonly tlsCaFile: string | undefined;
  /** The client certificate. */
  readonly userCertificateFile: string | undefined;
  readonly userKeyFile: string | undefined;
  readonly nodePreference: NodePreference;
  /** -1: never. */
  readonly keepAliveIntervalMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxDiscoverAttempts: number;
  readonly discoveryIntervalMs: number;
  readonly gossipTimeoutMs: number;
  readonly connectionName: string | undefined;
}

/** A connection string that cannot be used. The message names the part that is wrong and never quotes a value. */
export class BadEventStoreUrl extends Error {
  override readonly name = 'BadEventStoreUrl';
}

const defaultPort = 2113;
const shape = /^(?:esdb|kurrentdb)(\+discover)?:\/\/(?:([^@/?]*(?:@[^@/?]*)*)@)?([^@/?]+)\/?(?:\?(.*))?$/s;
const encodeHint = 'percent-encode user, password and paths';

/** Parameters by their names in lower case without `_` and `-`, as EventStoreDB's own clients read them. */
const parameters: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'tls',
    'tlsVerifyCert',
    'tlsCAFile',
    'userCertFile',
    'userKeyFile',
    'nodePreference',
    'keepAliveInterval',
    'keepAliveTimeout',
    'maxDiscoverAttempts',
    'discoveryInterval',
    'gossipTimeout',
    'connectionName',
  ].map((name) => [flat(name), name]),
);

/**
 * Reads `esdb://user:password@host:2113,host2:2113?name=value`; `kurrentdb://` means the same.
 * @throws {BadEventStoreUrl} when it is malformed, or has a parameter that is unknown or has no effect here.
 */
export function parseEventStoreUrl(text: string): EventStoreUrl {
  const match = shape.exec(text.trim());
  if (!match) {
    throw new BadEventStoreUrl(`must look like esdb://user:password@host:2113?name=value; ${encodeHint}`);
  }
  const [, discover, userInfo, hosts = '', query] = match;
  const given = parametersOf(query);
  if (given.get('tlsVerifyCert') === 'false') {
    throw new BadEventStoreUrl(
      'the parameter tlsVerifyCert cannot be false, certificates are always verified: give the file of your certificate authority as tlsCAFile',
    );
  }
  boolean(given, 'tlsVerifyCert', true);
  const url = {
    hosts: hostsOf(hosts),
    isDiscovered: discover !== undefined,
    credentials: userInfo === undefined ? undefined : credentialsOf(userInfo),
    hasTls: boolean(given, 'tls', true),
    tlsCaFile: given.get('tlsCAFile'),
    userCertificateFile: given.get('userCertFile'),
    userKeyFile: given.get('userKeyFile'),
    nodePreference: preferenceOf(given.get('nodePreference')),
    keepAliveIntervalMs: integer(given, 'keepAliveInterval', 10_000, -1),
    keepAliveTimeoutMs: integer(given, 'keepAliveTimeout', 10_000, -1),
    maxDiscoverAttempts: integer(given, 'maxDiscoverAttempts', 10, 1),
    discoveryIntervalMs: integer(given, 'discoveryInterval', 100, 0),
    // In seconds, as in EventStoreDB's own client for Node.
    gossipTimeoutMs: integer(given, 'gossipTimeout', 5, 1) * 1_000,
    connectionName: given.get('connectionName'),
  };
  if ((url.userCertificateFile === undefined) !== (url.userKeyFile === undefined)) {
    throw new BadEventStoreUrl('the parameters userCertFile and userKeyFile must be given together');
  }
  return url;
}

function parametersOf(query: string | undefined): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const pair of query?.split('&') ?? []) {
    const [, key = '', raw = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
    // What does not look like a parameter may be part of a password, so it is not quoted.
    if (!/^[A-Za-z][A-Za-z_-]{0,40}$/.test(key) || raw === '') {
      throw new BadEventStoreUrl(`parameters must have the form name=value, separated by &; ${encodeHint}`);
    }
    const name = parameters[flat(key)];
    if (name === undefined) {
      throw new BadEventStoreUrl(
        `the parameter ${key} is unknown or has no effect here: remove it (known: ${Object.values(parameters).join(', ')})`,
      );
    }
    if (given.has(name)) throw new BadEventStoreUrl(`the parameter ${name} is given twice`);
    given.set(name, decoded(raw.trim(), `the parameter ${name}`));
  }
  return given;
}

function hostsOf(text: string): EventStoreUrl['hosts'] {
  const [first, ...others] = text.split(',').map(hostOf);
  if (first === undefined) throw new BadEventStoreUrl('names no host');
  return [first, ...others];
}

function hostOf(text: string): Endpoint {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text.trim());
  const port = Number(match?.[3] ?? defaultPort);
  if (!match || port < 1 || port > 65_535) {
    throw new BadEventStoreUrl(
      `a host must be a name or an address, optionally followed by :port; ${encodeHint}`,
    );
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

function credentialsOf(userInfo: string): { readonly user: string; readonly password: string } {
  const [user = '', password = '', ...rest] = userInfo.split(':');
  if (user === '' || password === '' || rest.length > 0 || userInfo.includes('@')) {
    throw new BadEventStoreUrl(`must have user:password before the @; ${encodeHint}`);
  }
  return { user: decoded(user, 'the user'), password: decoded(password, 'the password') };
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BadEventStoreUrl(
      `${what} has a % that does not begin a percent-encoded character; ${encodeHint}`,
    );
  }
}

function boolean(given: ReadonlyMap<string, string>, name: string, otherwise: boolean): boolean {
  const value = given.get(name);
  if (value === undefined) return otherwise;
  if (value !== 'true' && value !== 'false') {
    throw new BadEventStoreUrl(`the parameter ${name} must be true or false`);
  }
  return value === 'true';
}

function integer(given: ReadonlyMap<string, string>, name: string, otherwise: number, least: number): number {
  const value = given.get(name);
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (!/^-?\d{1,9}$/.test(value) || number < least) {
    throw new BadEventStoreUrl(`the parameter ${name} must be a whole number, ${least} or more`);
  }
  return number;
}

function preferenceOf(value: string | undefined): NodePreference {
  if (value === undefined) return 'leader';
  const preference = nodePreferences.find((one) => flat(one) === flat(value));
  if (preference === undefined) {
    throw new BadEventStoreUrl(`the parameter nodePreference must be one of ${nodePreferences.join(', ')}`);
  }
  return preference;
}

function flat(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[_-]/g, '');
}
