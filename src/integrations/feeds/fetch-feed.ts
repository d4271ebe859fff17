import { lookup } from 'node:dns';
import { lookup as lookupAll } from 'node:dns/promises';
import { open } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { types } from 'node:util';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { decodeText } from './decode.js';
import { maxFeedBytes } from './feed.js';
import { isPrivateAddress } from './private-address.js';

const timeoutMs = 20_000;
const maxRedirects = 5;

/** A feed could not be read; the message is one sentence for the user. */
export class FeedUnreadable extends Error {
  override readonly name = 'FeedUnreadable';
}

const limits = { timeoutMs, maxBytes: maxFeedBytes, allowPrivateRedirects: false };
type ReadLimits = typeof limits;

const reasonOf = (error: unknown) => (types.isNativeError(error) ? error.message : 'unknown reason');

/** Joins and decodes chunks; stops as soon as there are more than `maxBytes`. */
async function collect(
  chunks: AsyncIterable<Uint8Array>,
  location: string,
  maxBytes: number,
  charset?: string,
): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new FeedUnreadable(`${location} is larger than ${maxBytes} bytes.`);
    parts.push(chunk);
  }
  const decoded = decodeText(Buffer.concat(parts), charset);
  if (!decoded.ok) throw new FeedUnreadable(`${location} ${decoded.reason}.`);
  return decoded.text;
}

/** An answer whose body has not been read. */
interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/** A redirect leads to an address that is not followed. */
class PrivateTarget extends Error {
  override readonly name = 'PrivateTarget';
}

/** Resolves a name as the connection will use it, so that a second look-up cannot give another address. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error) callback(error, '');
    else if (first === undefined || addresses.some(({ address }) => isPrivateAddress(address)))
      callback(new PrivateTarget(), '');
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

/** Sends one request. @param isPublic refuse an address that is not on the public internet. */
function get(url: URL, signal: AbortSignal, isPublic: boolean): Promise<Answer> {
  // Names are checked when they are resolved; an address is not resolved.
  if (isPublic && isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0 && isPrivateAddress(url.hostname)) {
    return Promise.reject(new PrivateTarget());
  }
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, {
      signal,
      agent: false,
      headers: { accept: '*/*', 'accept-encoding': 'gzip, deflate, br' },
      ...(isPublic && { lookup: publicLookup }),
    });
    request.on('error', reject);
    request.on('response', (body) => resolve({ status: body.statusCode ?? 0, headers: body.headers, body }));
    request.end();
  });
}

/** Whether a host is on a network of one's own: an address, or a name with an address, that is not public. */
async function isPrivateHost({ hostname }: URL): Promise<boolean> {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return isPrivateAddress(host);
  const addresses = await lookupAll(host, { all: true }).catch(() => []);
  return addresses.some(({ address }) => isPrivateAddress(address));
}

/**
 * Follows redirects itself: to check that each is http(s), that none leads to a private address, and to limit their number.
 * Its messages contain nothing of an answer, not even where a redirect leads.
 */
async function request(url: URL, signal: AbortSignal, allowPrivateRedirects: boolean): Promise<Answer> {
  const mayBePrivate = allowPrivateRedirects && (await isPrivateHost(url));
  let target = url;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    // The address itself was named by the user, and so was its origin.
    const isNamed = target.origin === url.origin;
    const answer = await get(target, signal, !isNamed && !mayBePrivate);
    const { location } = answer.headers;
    if (answer.status < 300 || answer.status > 399 || location === undefined) return answer;
    answer.body.destroy();
    if (!URL.canParse(location, target.href))
      throw new FeedUnreadable(`${url.href} redirects to no address.`);
    target = new URL(location, target);
    if (!isHttp(target))
      throw new FeedUnreadable(`${url.href} redirects to another protocol, which is not read.`);
  }
  throw new FeedUnreadable(`${url.href} redirects more than ${maxRedirects} times.`);
}

const isHttp = (url: URL) => url.protocol === 'http:' || url.protocol === 'https:';

/** The body as it was before it was compressed for the transfer. */
function decompressed({ headers, body }: Answer): AsyncIterable<Uint8Array> {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return body;
  const decoder = {
    gzip: createGunzip,
    'x-gzip': createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
  }[encoding];
  if (decoder === undefined) throw new Error('its content encoding is not known');
  const decoding = decoder();
  // A broken transfer breaks the reading.
  body.on('error', (error) => decoding.destroy(error));
  return body.pipe(decoding);
}

/** What may be told of a failure: the code of the system or of Node, never the text, which may quote an answer. */
function failureOf(error: unknown): string {
  if (!types.isNativeError(error)) return 'unknown reason';
  const { code } = error as NodeJS.ErrnoException; // what sockets, TLS, the parser and zlib throw
  return code ?? error.name;
}

async function readUrl(
  url: URL,
  { timeoutMs: withinMs, maxBytes, allowPrivateRedirects }: ReadLimits,
): Promise<string> {
  const signal = AbortSignal.timeout(withinMs);
  try {
    const answer = await request(url, signal, allowPrivateRedirects);
    if (answer.status < 200 || answer.status > 299) {
      answer.body.destroy();
      throw new FeedUnreadable(`${url.href} answered with status ${answer.status}.`);
    }
    const charset = /;\s*charset="?([\w.:-]{1,40})/i.exec(answer.headers['content-type'] ?? '')?.[1];
    return await collect(decompressed(answer), url.href, maxBytes, charset);
  } catch (error) {
    if (error instanceof FeedUnreadable) throw error;
    if (error instanceof PrivateTarget) {
      throw new FeedUnreadable(
        `${url.href} redirects to an address of this machine or a private network, which is not followed.`,
      );
    }
    if (signal.aborted) throw new FeedUnreadable(`${url.href} did not answer within ${withinMs} ms.`);
    throw new FeedUnreadable(`${url.href} cannot be reached: ${failureOf(error)}.`);
  }
}

async function readFileText(path: string, { maxBytes }: ReadLimits): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      return await collect(file.createReadStream({ autoClose: false }), path, maxBytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof FeedUnreadable) throw error;
    throw new FeedUnreadable(`${path} cannot be read: ${reasonOf(error)}.`);
  }
}

/**
 * The text of a feed at a file path or an http(s) address: at most 32 MiB, within 20 seconds, over at most five
 * redirects, in UTF-8 or the encoding it states. Redirects to private addresses are not followed, unless
 * `allowPrivateRedirects` is set and `location` is a private address itself.
 * @param bounds other limits, in milliseconds and bytes
 * @throws {FeedUnreadable} with the reason in one sentence
 */
export async function readFeed(location: string, bounds: Partial<ReadLimits> = {}): Promise<string> {
  const within = { ...limits, ...bounds };
  if (/^https?:\/\//i.test(location)) {
    if (!URL.canParse(location)) throw new FeedUnreadable(`${location} is not an address.`);
    return readUrl(new URL(location), within);
  }
  return readFileText(location, within);
}
