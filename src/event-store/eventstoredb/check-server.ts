import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
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

/** Time limit of each step of a check. A server that does not answer in this time counts as `unknown`. */
const checkTimeoutMs = 3_000;

/** How long a server may take to send a greeting before it is sent a request. */
const greetingMs = 300;

/**
 * Checks once whether the server can be used, so that a process with wrong settings says so at its start instead of
 * trying again for ever. A server that is down or does not answer is no error.
 * @throws {EventStoreDbRefused} when another kind of server answers, or certificate, TLS, host name, user, password or
 * rights are wrong.
 * @throws {BadEventStoreUrl} when the connection string is malformed.
 */
export async function checkEventStoreDb(connectionString: string): Promise<void> {
  const target = targetOf(connectionString);
  if ((await checkServer(target)) === 'fine') await checkRights(target);
}

/**
 * As {@link checkEventStoreDb}, without checking user, password and rights.
 * @returns whether a node answers.
 * @throws {EventStoreDbRefused} when another kind of server answers, or certificate, TLS or host name are wrong.
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
  if (code === status.UNIMPLEMENTED) {
    return { wrong: `${node} speaks HTTP/2, but is not an EventStoreDB: it knows no streams` };
  }
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

function checkNode(node: Endpoint, target: Target): Promise<Finding> {
  return target.tls === undefined ? checkInPlainText(node) : checkWithTls(node, target, target.tls);
}

async function checkInPlainText(node: Endpoint): Promise<Finding> {
  const where = addressOf(node);
  const error = await tryHttp2(`http://${where}`, () => connectTcp(node));
  if (error === undefined) return 'fine';
  if (isNameError(error)) return unresolved(node);
  if (isUnreachable(error)) return 'unknown';
  if ((await tryTls(tlsOptions(node))) === undefined)
    return { wrong: `${where} speaks TLS: remove tls=false` };
  return whatAnswers(node);
}

async function checkWithTls(
  node: Endpoint,
  target: Target,
  tls: NonNullable<Target['tls']>,
): Promise<Finding> {
  const where = addressOf(node);
  const error = await tryTls(tlsOptions(node, tls));
  if (error === undefined) {
    const noHttp2 = await tryHttp2(`https://${where}`, () => connectTls(tlsOptions(node, tls)));
    return noHttp2 === undefined ? 'fine' : 'unknown';
  }
  if (isNameError(error)) return unresolved(node);
  if (error.code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL') {
    return { wrong: `${where} is not an EventStoreDB: it speaks TLS, but not HTTP/2` };
  }
  const untrusted = certificateProblem(error, node, target);
  if (untrusted !== undefined) return { wrong: untrusted };
  if (isUnreachable(error)) return 'unknown';
  if ((await tryHttp2(`http://${where}`, () => connectTcp(node))) === undefined) {
    return { wrong: `${where} does not speak TLS: add tls=false if the network can be trusted` };
  }
  // It speaks TLS but refuses this connection, for a reason that may pass.
  if ((await tryTls(tlsOptions(node))) === undefined) return 'unknown';
  return whatAnswers(node);
}

/** The finding about a server that speaks neither TLS nor HTTP/2, by the first bytes it sends. */
async function whatAnswers(node: Endpoint): Promise<Finding> {
  const answer = await firstBytesOf(node);
  const kind = answer && protocolOf(answer);
  return kind === undefined ? 'unknown' : { wrong: `${addressOf(node)} is not an EventStoreDB: ${kind}` };
}

/** Undefined when the bytes do not tell: for example an alert of TLS, which may be about a setting. */
function protocolOf(answer: Buffer): string | undefined {
  const text = answer.toString('latin1');
  const httpVersion = /^HTTP\/\d(?:\.\d)?/.exec(text)?.[0];
  if (httpVersion !== undefined) return `it answers with ${httpVersion} and does not speak HTTP/2`;
  if (/^[-+]\w+ /.test(text)) return 'it answers as Redis does';
  // A greeting of protocol version 10, or an error instead of a greeting, in the first packet (number 0).
  if (answer[3] === 0 && (answer[4] === 10 || answer[4] === 255)) return 'it answers as MySQL and MariaDB do';
  const tlsAlert = 21;
  return answer[0] === tlsAlert ? undefined : 'it speaks another protocol than HTTP/2';
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

/** @param tls Undefined: nothing is verified. */
function tlsOptions({ host, port }: Endpoint, tls?: NonNullable<Target['tls']>): ConnectionOptions {
  return {
    host,
    port,
    ALPNProtocols: ['h2'],
    rejectUnauthorized: tls !== undefined,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.certificate === undefined ? {} : { cert: tls.certificate }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
  };
}

/** @returns why there is no TLS connection; undefined when there is one. */
function tryTls(options: ConnectionOptions): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const socket = connectTls(options);
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

/** @returns why the server does not answer in HTTP/2; undefined when it does. */
function tryHttp2(url: string, createConnection: () => Socket): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const session = connectHttp2(url, { createConnection });
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

/** What a server sends first: its greeting, or else its answer to a request of HTTP/1.1. Undefined when it sends nothing. */
function firstBytesOf(node: Endpoint): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connectTcp(node);
    const ask = setTimeout(
      () => socket.write(`GET / HTTP/1.1\r\nHost: ${addressOf(node)}\r\nConnection: close\r\n\r\n`),
      greetingMs,
    );
    const end = (answer?: Buffer): void => {
      clearTimeout(ask);
      resolve(answer);
      socket.destroy();
    };
    socket.setTimeout(checkTimeoutMs, () => end());
    socket.on('data', end);
    socket.on('error', () => end());
    socket.on('close', () => end());
  });
}
