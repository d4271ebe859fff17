import { open } from 'node:fs/promises';
import { types } from 'node:util';
import { decodeText } from './decode.js';
import { maxFeedBytes } from './feed.js';

const timeoutMs = 20_000;
const maxRedirects = 5;

/** A feed could not be read; the message is one sentence for the user. */
export class FeedUnreadable extends Error {
  override readonly name = 'FeedUnreadable';
}

const limits = { timeoutMs, maxBytes: maxFeedBytes };
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

/** Follows redirects itself, to check that each is http(s) and to limit their number. */
async function request(url: URL, signal: AbortSignal): Promise<Response> {
  let target = url;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await fetch(target, { redirect: 'manual', signal });
    const next = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || next === null) return response;
    await response.body?.cancel();
    target = new URL(next, target);
    if (!isHttp(target))
      throw new FeedUnreadable(`${url.href} redirects to ${target.protocol}, which is not read.`);
  }
  throw new FeedUnreadable(`${url.href} redirects more than ${maxRedirects} times.`);
}

const isHttp = (url: URL) => url.protocol === 'http:' || url.protocol === 'https:';

async function readUrl(url: URL, { timeoutMs: withinMs, maxBytes }: ReadLimits): Promise<string> {
  const signal = AbortSignal.timeout(withinMs);
  try {
    const response = await request(url, signal);
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new FeedUnreadable(`${url.href} answered with status ${response.status}.`);
    }
    const charset = /;\s*charset="?([\w.:-]{1,40})/i.exec(response.headers.get('content-type') ?? '')?.[1];
    return await collect(response.body, url.href, maxBytes, charset);
  } catch (error) {
    if (error instanceof FeedUnreadable) throw error;
    if (signal.aborted) throw new FeedUnreadable(`${url.href} did not answer within ${withinMs} ms.`);
    // fetch hides the reason ("ECONNREFUSED …") in the cause.
    const cause = types.isNativeError(error) && error.cause !== undefined ? error.cause : error;
    throw new FeedUnreadable(`${url.href} cannot be reached: ${reasonOf(cause)}.`);
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
 * redirects, in UTF-8 or the encoding it states.
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
