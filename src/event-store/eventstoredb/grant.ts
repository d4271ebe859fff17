import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ServiceError, status } from '@grpc/grpc-js';
import { EventStoreDbRefused } from './check-server.js';
import { addressOf, channelTo, findNode, metadataOf, type Target } from './connection.js';
import { StreamsClient, shared, streams, UsersClient, users } from './protocol.js';
import { logRead, streamIdentifier, streamRead } from './records.js';

/** The stream in which EventStoreDB keeps the access rights of `$all`. */
const metadataStream = '$$$all';
const administrators = '$admins';
/** The role of every user who is logged in. */
const everyUser = '$all';
const callTimeoutMs = 10_000;
/** Another client may write the same metadata at the same time. */
const maxAttempts = 5;
const verifyTimeoutMs = 10_000;
const verifyPauseMs = 200;

export interface GrantOutcome {
  readonly user: string;
  readonly account: 'created' | 'exists already' | 'password set';
  readonly right: 'granted' | 'granted already';
  /** Roles that may read `$all` now. */
  readonly readRoles: readonly string[];
}

type StreamMetadata = Readonly<Record<string, unknown>>;
interface Stored {
  readonly metadata: StreamMetadata;
  /** Of the event that holds it; undefined when there is none. */
  readonly revision: string | undefined;
}

/**
 * Creates the user of a connection string and grants it the right to read `$all`, acting as an administrator; then
 * reads as that user. The rest of the metadata of `$all` stays unchanged. Safe to repeat.
 * @param admin the administrator's account.
 * @param options `setsPassword`: also set the password of a user that exists already.
 * @throws {EventStoreDbRefused} when the administrator is refused, or the user still cannot read afterwards.
 */
export async function grantReading(
  target: Target,
  admin: { readonly user: string; readonly password: string },
  { setsPassword }: { readonly setsPassword: boolean },
): Promise<GrantOutcome> {
  const { credentials } = target;
  if (credentials === undefined)
    throw new EventStoreDbRefused('names no user: put user:password@ before the host');
  const asAdmin = { ...target, credentials: admin };
  const clients = await openClients(asAdmin);
  try {
    const isThere = await isAccepted(clients, target);
    const account = isThere ? 'exists already' : await makeUser(clients, credentials, setsPassword);
    const { right, readRoles } = await addReadRole(clients, credentials.user);
    await untilReadable(clients, target, account);
    return { user: credentials.user, account, right, readRoles };
  } catch (error) {
    throw refusalOf(error, admin.user);
  } finally {
    clients.streams.close();
    clients.users.close();
  }
}

interface Clients {
  readonly node: string;
  readonly target: Target;
  readonly streams: StreamsClient;
  readonly users: UsersClient;
}

async function openClients(target: Target): Promise<Clients> {
  const node = await findNode(target, AbortSignal.timeout(callTimeoutMs));
  const { address, credentials, options } = channelTo(node, target);
  return {
    node: addressOf(node),
    target,
    streams: new StreamsClient(address, credentials, options),
    users: new UsersClient(address, credentials, options),
  };
}

/** Whether the user is there, with this password: a server that is told to create it again says that it has. */
async function isAccepted({ streams: client }: Clients, target: Target): Promise<boolean> {
  try {
    await readEnd(client, target);
    return true;
  } catch (error) {
    if (!isServiceError(error)) throw error;
    if (error.code === status.PERMISSION_DENIED) return true;
    if (error.code === status.UNAUTHENTICATED) return false;
    throw error;
  }
}

async function readEnd(client: StreamsClient, target: Target): Promise<void> {
  const request = logRead('end', 'backwards', 1, { kind: 'everything' });
  const call = client.read(request, metadataOf(target), deadline());
  for await (const _ of call);
}

async function makeUser(
  { users: client, target }: Clients,
  { user, password }: { readonly user: string; readonly password: string },
  setsPassword: boolean,
): Promise<GrantOutcome['account']> {
  const options = new users.CreateReq.Options()
    .setLoginName(user)
    .setPassword(password)
    .setFullName('boxoffice');
  try {
    await unary((done) =>
      client.create(new users.CreateReq().setOptions(options), metadataOf(target), deadline(), done),
    );
    return 'created';
  } catch (error) {
    if (!isServiceError(error) || error.metadata.get('exception')[0] !== 'user-conflict') throw error;
  }
  if (!setsPassword) return 'exists already';
  const reset = new users.ResetPasswordReq.Options().setLoginName(user).setNewPassword(password);
  await unary((done) =>
    client.resetPassword(
      new users.ResetPasswordReq().setOptions(reset),
      metadataOf(target),
      deadline(),
      done,
    ),
  );
  return 'password set';
}

async function addReadRole(
  clients: Clients,
  role: string,
): Promise<Pick<GrantOutcome, 'right' | 'readRoles'>> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const stored = await readMetadata(clients);
    const acl = recordOf(stored.metadata.$acl, '$acl');
    const before = rolesOf(acl.$r);
    const readRoles = [...new Set([...(before ?? [administrators]), role])];
    if (before?.some((one) => one === role || one === everyUser))
      return { right: 'granted already', readRoles };
    const metadata = { ...stored.metadata, $acl: { ...acl, $r: readRoles } };
    if (await writeMetadata(clients, metadata, stored.revision)) return { right: 'granted', readRoles };
  }
  throw new Error(`other clients changed the metadata of $all ${maxAttempts} times meanwhile: try again`);
}

async function readMetadata({ streams: client, target }: Clients): Promise<Stored> {
  const page = { from: Number.POSITIVE_INFINITY, direction: 'backwards', limit: 1 } as const;
  const call = client.read(streamRead(metadataStream, page), metadataOf(target), deadline());
  let stored: Stored = { metadata: {}, revision: undefined };
  for await (const response of call) {
    // A call made for reading answers with these messages.
    const event = (response as streams.ReadResp).getEvent()?.getEvent();
    if (event === undefined) continue;
    const json: unknown = JSON.parse(Buffer.from(event.getData_asU8()).toString());
    stored = { metadata: recordOf(json, 'the metadata of $all'), revision: event.getStreamRevision() };
  }
  return stored;
}

/** @returns false when another client has written meanwhile. */
async function writeMetadata(
  { streams: client, target }: Clients,
  metadata: StreamMetadata,
  revision: string | undefined,
): Promise<boolean> {
  const options = new streams.AppendReq.Options().setStreamIdentifier(streamIdentifier(metadataStream));
  if (revision === undefined) options.setNoStream(new shared.Empty());
  else options.setRevision(revision);
  const proposed = new streams.AppendReq.ProposedMessage()
    .setId(new shared.UUID().setString(randomUUID()))
    .setData(Buffer.from(JSON.stringify(metadata)));
  proposed.getMetadataMap().set('type', '$metadata').set('content-type', 'application/json');
  const response = await unary<streams.AppendResp>((done) => {
    const call = client.append(metadataOf(target), deadline(), done);
    call.write(new streams.AppendReq().setOptions(options));
    call.write(new streams.AppendReq().setProposedMessage(proposed));
    call.end();
  });
  return !response.hasWrongExpectedVersion();
}

/** The server applies new rights with a delay. @throws {EventStoreDbRefused} when it has not after {@link verifyTimeoutMs}. */
async function untilReadable(
  { streams: client, node }: Clients,
  target: Target,
  account: GrantOutcome['account'],
): Promise<void> {
  const giveUpAtMs = performance.now() + verifyTimeoutMs;
  for (;;) {
    try {
      await readEnd(client, target);
      return;
    } catch (error) {
      if (!isServiceError(error) || !isRefusal(error)) throw error;
      const isUnknown = error.code === status.UNAUTHENTICATED;
      const isOtherPassword = isUnknown && account === 'exists already';
      if (!isOtherPassword && performance.now() < giveUpAtMs) {
        await sleep(verifyPauseMs);
        continue;
      }
      const hint = isOtherPassword ? ': it has another password; --reset-password replaces it' : '';
      const { user } = target.credentials ?? { user: '' };
      throw new EventStoreDbRefused(`the user ${user} still cannot read $all at ${node}${hint}`);
    }
  }
}

function refusalOf(error: unknown, admin: string): unknown {
  if (!isServiceError(error)) return error;
  if (error.code === status.UNAUTHENTICATED) {
    return new EventStoreDbRefused(
      `EventStoreDB does not accept the administrator ${admin} with this password`,
    );
  }
  if (error.code !== status.PERMISSION_DENIED) return error;
  return new EventStoreDbRefused(
    `the user ${admin} is not an administrator (group ${administrators}) of EventStoreDB`,
  );
}

function unary<Response>(
  call: (done: (error: ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    call((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

function deadline(): { readonly deadline: number } {
  return { deadline: Date.now() + callTimeoutMs };
}

function rolesOf(roles: unknown): readonly string[] | undefined {
  if (roles === undefined || roles === null) return undefined;
  return [roles].flat().map(String);
}

function recordOf(value: unknown, what: string): StreamMetadata {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new Error(`${what} is not a JSON object: correct it first`);
  // The keys of a JSON object are strings.
  return value as StreamMetadata;
}

function isRefusal({ code }: ServiceError): boolean {
  return code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'metadata' in error;
}
