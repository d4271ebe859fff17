import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { status } from '@grpc/grpc-js';
import type { Endpoint } from '../../platform/event-store-url.js';
import { within } from '../../platform/within.js';
import { addressOf, Client, findNode, type Target, targetOf } from './connection.js';
import { logRead } from './records.js';

/** The server cannot be used with this connection string; trying again does not help. The message says what to set. */
export class EventStoreDbRefused extends Error {
  override readonly name = 'EventStoreDbRefused';
}

/** The result of one check of a node. `unknown`: it may work later, for example when the server is still starting. */
type Finding = 'fine' | 'unknown' | { readonly wrong: string };

/** How long one check of a node may take. A server that does not answer in this time counts as `unknown`. */
const checkTimeoutMs = 3_000;

/**
 * Checks once whether the server can be used, so that a process with wrong settings says so at its start instead of
 * trying again for ever. A server that is down or does not answer is no error.
 * @throws {EventStoreDbRefused} when certificate, TLS, host name, user, password or rights are wrong.
 * @throws {BadEventStoreUrl} when the connection string is malformed.
 */
export async function checkEventStoreDb(connectionString: string): Promise<void> {
  const target = targetOf(connectionString);
  if ((await checkServer(target)) === 'fine') await checkRights(target);
}

/**
 * As {@client checkEventStoreDb}, without checking user, password and rights.
 * @returns whether a node answers.
 * @throws {EventStoreDbRefused} when certificate, TLS or host name are wrong.
 */
export async function checkServer(target: Target): Promise<'fine' | 'unknown'> {
  const findings = await Promise.all(target.hosts.map((node) => checkNode(node, target)));
  const wrong = findings.filter((finding) => typeof finding !== 'string');
  if (wrong[0] !== undefined && wrong.length === findings.length)
    throw new EventStoreDbRefused(wrong[0].wrong);
  return findings.includes('fine') ? 'fine' : 'unknown';
}

async function checkRights(target: Target): Promise<void> {
  const client = new Client(target);
  try {
    const finding = await within(2 * checkTimeoutMs, 'the check', mayRead(client, target)).catch(
      () => 'unknown' as const,
    );
    if (typeof finding !== 'string') throw new EventStoreDbRefused(finding.wrong);
  } finally {
    client.retire('the check is over');
  }
}

/** Whether the node that will be used can be reached under the name that gossip reports, and lets the user read. */
async function mayRead(client: Client, target: Target): Promise<Finding> {
  if (target.isCluster) {
    const node = await findNode(target, AbortSignal.timeout(checkTimeoutMs));
    const finding = await checkNode(node, target);
    if (finding !== 'fine') return finding;
  }
  try {
    const request = logRead('end', 'backwards', 1, { kind: 'everything' });
    for await (const _ of await client.read(request, Date.now() + checkTimeoutMs));
    return 'fine';
  } catch (error) {
    return refusalOf(error, target, client.node ?? '');
  }
}

function refusalOf(error: unknown, { credentials }: Target, node: string): Finding {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== status.UNAUTHENTICATED && code !== status.PERMISSION_DENIED) return 'unknown';
  if (credentials === undefined) {
    return { wrong: `EventStoreDB at ${node} asks for a user: put user:password@ before the host` };
  }
  if (code === status.UNAUTHENTICATED) {
    return {
      wrong: `EventStoreDB at ${node} does not accept the user ${credentials.user} with this password: correct it, or create the user with \`boxoffice eventstoredb grant\``,
    };
  }
  return {
    wrong: `the user ${credentials.user} may not read $all of EventStoreDB at ${node}: an administrator grants this right with \`boxoffice eventstoredb grant\``,
  };
}

async function checkNode(node: Endpoint, target: Target): Promise<Finding> {
  const where = addressOf(node);
  if (target.tls === undefined) {
    const error = await tryPlainText(node);
    if (error === undefined) return 'fine';
    if (isNameError(error)) return unresolved(node);
    if (isUnreachable(error)) return 'unknown';
    if ((await tryTls(node, undefined)) !== undefined) return 'unknown';
    return { wrong: `${where} speaks TLS: remove tls=false` };
  }
  const error = await tryTls(node, target.tls);
  if (error === undefined) return 'fine';
  if (isNameError(error)) return unresolved(node);
  const untrusted = certificateProblem(error, node, target);
  if (untrusted !== undefined) return { wrong: untrusted };
  if (isUnreachable(error) || (await tryPlainText(node)) !== undefined) return 'unknown';
  return { wrong: `${where} does not speak TLS: add tls=false if the network can be trusted` };
}

function certificateProblem(
  error: NodeJS.ErrnoException,
  node: Endpoint,
  target: Target,
): string | undefined {
  const where = `the certificate of ${addressOf(node)}`;
  switch (error.code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `${where} is not for ${node.host} (${error.message}): use a host name that it contains, or replace it`;
    case 'CERT_HAS_EXPIRED':
      return `${where} has expired`;
    case 'CERT_NOT_YET_VALID':
      return `${where} is not valid yet: check this machine's clock`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_SIGNATURE_FAILURE':
      return target.tlsCaFile === undefined
        ? `${where} is not trusted (${error.message}): give the file of your certificate authority as tlsCAFile`
        : `${where} is not from the authority in tlsCAFile (${error.message})`;
    default:
      return undefined;
  }
}

function unresolved({ host }: Endpoint): Finding {
  return { wrong: `the host name ${host} does not resolve` };
}

function isNameError({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOTFOUND';
}

/** Nothing listens there, or the network does not reach it. */
function isUnreachable({ code }: NodeJS.ErrnoException): boolean {
  const codes = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', 'ETIMEDOUT', 'EADDRNOTAVAIL'];
  return code !== undefined && codes.includes(code);
}

/** @param tls Undefined: nothing is verified. @returns why there is no TLS connection; undefined when there is one. */
function tryTls(
  { host, port }: Endpoint,
  tls: NonNullable<Target['tls']> | undefined,
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const socket = connectTls({
      host,
      port,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: tls !== undefined,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls?.certificate === undefined ? {} : { cert: tls.certificate }),
      ...(tls?.key === undefined ? {} : { key: tls.key }),
    });
    const end = (error?: Error): void => {
      resolve(error);
      socket.destroy();
    };
    socket.setTimeout(checkTimeoutMs, () => end(new Error('no answer')));
    socket.on('secureConnect', () => end());
    socket.on('error', end);
    socket.on('close', () => end(new Error('it closed the connection')));
  });
}

/** @returns why there is no HTTP/2 connection in plain text; undefined when there is one. */
function tryPlainText(node: Endpoint): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const session: ClientHttp2Session = connectHttp2(`http://${addressOf(node)}`);
    const end = (error?: Error): void => {
      resolve(error);
      session.destroy();
    };
    session.setTimeout(checkTimeoutMs, () => end(new Error('no answer')));
    session.on('remoteSettings', () => end());
    session.on('error', end);
    session.on('close', () => end(new Error('it closed the connection')));
  });
}
