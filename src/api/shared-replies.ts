import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, brotliCompress as nodeBrotliCompress, gzip as nodeGzip } from 'node:zlib';
import { Negotiator } from '@fastify/accept-negotiator';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import type { Position } from '../event-store/port.js';
import type { ReadPosition } from './read-position.js';
import { preferredLanguage } from './request.js';

const gzip = promisify(nodeGzip);
const brotliCompress = promisify(nodeBrotliCompress);

export interface SharedReplySettings {
  /** A `live` reply is sent again, to anybody, for so long. 0: it is made anew each time. */
  readonly freshForMs: number;
  /** Memory for replies and their compressed forms. */
  readonly maxBytes: number;
}

/** Which replies of a route are the same for everybody; part of its configuration. */
export type SharedReplyKind =
  /** Changes at any moment: kept for {@link SharedReplySettings.freshForMs}. */
  | 'live'
  /** Never changes at this address: kept as long as there is room. */
  | 'immutable';

/**
 * Browsers ask each time, and are told that nothing changed; a cache between may answer for a second. Of a read that
 * names a position it may not: Vary.
 */
const cacheControl: Record<SharedReplyKind, string> = {
  live: 'public, max-age=0, s-maxage=1',
  immutable: 'public, max-age=31536000, immutable',
};

/** Smaller bodies fit one packet, compressed or not. */
const compressAboveBytes = 1_024;
/** Accept-Encoding headers remembered: browsers send a few different ones. */
const maxNegotiated = 200;

type Encoding = 'br' | 'gzip' | 'identity';

/** How hard to compress: for one reader and at once, or for many. */
const effort = {
  live: { gzip: 4, br: 4 },
  immutable: { gzip: 9, br: 9 },
} as const;

/** A body with what is sent in its place to those who have it or read compressed ones. */
class SharedBody {
  readonly #digest: string;
  readonly #encoded = new Map<Encoding, Promise<Buffer>>();

  constructor(
    private readonly body: Buffer,
    readonly kind: SharedReplyKind,
    readonly contentType: string,
    readonly language: string | undefined,
    readonly vary: string,
    /** Everything up to here is in it. */
    readonly position: Position,
    readonly madeAtMs: number,
  ) {
    this.#digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  }

  get bytes(): number {
    return this.body.length;
  }

  /** Strong: two encodings of one body have different tags (RFC 9110, section 8.8.3.3). */
  etag(encoding: Encoding): string {
    return encoding === 'identity' ? `"${this.#digest}"` : `"${this.#digest}-${encoding}"`;
  }

  /** Whether an If-None-Match header names this body, in any encoding. */
  isNamedBy(header: string): boolean {
    return header.includes(`"${this.#digest}`) || header.trim() === '*';
  }

  get isCompressible(): boolean {
    return this.body.length > compressAboveBytes;
  }

  encoded(encoding: Encoding): Buffer | Promise<Buffer> {
    if (encoding === 'identity') return this.body;
    let encoded = this.#encoded.get(encoding);
    if (!encoded) {
      encoded = compress(this.body, encoding, effort[this.kind]);
      this.#encoded.set(encoding, encoded);
      encoded.catch(() => this.#encoded.delete(encoding));
    }
    return encoded;
  }
}

function compress(
  body: Buffer | string,
  encoding: 'br' | 'gzip',
  { gzip: level, br: quality }: { readonly gzip: number; readonly br: number },
): Promise<Buffer> {
  return encoding === 'gzip'
    ? gzip(body, { level })
    : brotliCompress(body, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
}

const negotiator = new Negotiator<Encoding>({
  supportedValues: ['br', 'gzip', 'identity'],
  // The negotiator's own type: a map that never forgets.
  cache: new LRUCache<string, string>({ max: maxNegotiated }),
});

function encodingFor(request: FastifyRequest): Encoding {
  const header = request.headers['accept-encoding'];
  return typeof header === 'string' ? (negotiator.negotiate(header) ?? 'identity') : 'identity';
}

/** What the leader of a reply owes those who wait for it. */
interface Making {
  readonly key: string;
  readonly kind: SharedReplyKind;
  /** Where the read models were before the handler read them. */
  readonly position: Position;
  /** Called once; undefined: there is nothing to share. */
  readonly done: (made: SharedBody | undefined) => void;
}

/**
 * Sends replies that are the same for everybody from memory, with an ETag, and compresses bodies above 1 KB for clients
 * that accept it. Of requests that ask for one reply at the same time, one reaches the handler; the others wait for what
 * it is answered. Add it before the routes; their configuration says what is shared.
 */
export function shareReplies(
  fastify: FastifyInstance,
  readPosition: ReadPosition,
  { freshForMs, maxBytes }: SharedReplySettings,
): void {
  const kept = new LRUCache<string, SharedBody>({
    maxSize: maxBytes,
    // With its compressed forms.
    sizeCalculation: ({ bytes }) => Math.ceil(bytes * 1.5) + 200,
  });
  const coming = new Map<string, Promise<SharedBody | undefined>>();
  const making = new WeakMap<FastifyRequest, Making>();

  const isFresh = (body: SharedBody, wanted: number | undefined): boolean =>
    body.kind === 'immutable' ||
    (performance.now() - body.madeAtMs < freshForMs && (wanted === undefined || wanted <= body.position));

  const begin = (request: FastifyRequest, reply: FastifyReply, key: string, kind: SharedReplyKind): void => {
    let done: Making['done'] = () => undefined;
    // Somebody who waits for a position would make the others wait, too.
    if (request.headers['x-wait-for-position'] === undefined) {
      const made = new Promise<SharedBody | undefined>((resolve) => {
        done = (body) => {
          coming.delete(key);
          resolve(body);
        };
      });
      coming.set(key, made);
      reply.raw.once('close', () => done(undefined));
    }
    making.set(request, { key, kind, position: readPosition.current(), done });
  };

  fastify.addHook('preHandler', async (request, reply) => {
    const kind = request.routeOptions.config?.shared;
    if (kind === undefined || request.method !== 'GET') return;
    const wanted = wantedPosition(request);
    // The guard refuses it.
    if (Number.isNaN(wanted)) return;
    const language = preferredLanguage(request.headers['accept-language']);
    const key = `${language ?? ''} ${request.url}`;
    const known = kept.get(key);
    if (known && isFresh(known, wanted)) return send(request, reply, known);
    // One that fails leaves nothing to share; the first of those who waited then takes its place.
    for (;;) {
      const pending = wanted === undefined ? coming.get(key) : undefined;
      if (!pending) break;
      const shared = await pending;
      if (shared) return send(request, reply, shared);
    }
    // Who makes others wait for a reply has paid for it before.
    request.server.readAllowance.takeForMaking(request);
    begin(request, reply, key, kind);
  });

  fastify.addHook('onSend', async (request, reply, payload: unknown) => {
    const made = making.get(request);
    if (made) {
      making.delete(request);
      const isText = typeof payload === 'string' || Buffer.isBuffer(payload);
      if (reply.statusCode === 200 && isText) {
        const body = new SharedBody(
          Buffer.from(payload),
          made.kind,
          String(reply.getHeader('content-type')),
          textOf(reply.getHeader('content-language')),
          varyOf(reply),
          made.position,
          performance.now(),
        );
        kept.set(made.key, body);
        request.server.readAllowance.made(request, body.bytes);
        made.done(body);
        return representation(request, reply, body);
      }
      made.done(undefined);
    }
    return compressed(request, reply, payload);
  });
}

function wantedPosition(request: FastifyRequest): number | undefined {
  const header = request.headers['x-wait-for-position'];
  if (header === undefined) return undefined;
  return typeof header === 'string' && /^\d{1,16}$/.test(header) ? Number(header) : Number.NaN;
}

function textOf(header: unknown): string | undefined {
  return typeof header === 'string' ? header : undefined;
}

/** A shared reply may depend on the language; that of a read that names a position may be newer than the one kept. */
function varyOf(reply: FastifyReply): string {
  const own = textOf(reply.getHeader('vary'));
  return `${own === undefined ? '' : `${own}, `}Accept-Encoding, X-Wait-For-Position`;
}

/** Marks a reply that is complete: nothing is shared or compressed again. */
const isComplete = new WeakSet<FastifyReply>();

async function send(request: FastifyRequest, reply: FastifyReply, body: SharedBody): Promise<FastifyReply> {
  const payload = await representation(request, reply, body);
  isComplete.add(reply);
  return reply.send(payload ?? undefined);
}

/** Sets the headers for what the client takes. @returns the body; null when the client has it. */
function representation(
  request: FastifyRequest,
  reply: FastifyReply,
  body: SharedBody,
): Buffer | Promise<Buffer> | null {
  const encoding = body.isCompressible ? encodingFor(request) : 'identity';
  reply.removeHeader('content-length');
  reply.headers({
    ETag: body.etag(encoding),
    'Cache-Control': cacheControl[body.kind],
    Vary: body.vary,
  });
  if (body.language !== undefined) reply.header('Content-Language', body.language);
  const had = request.headers['if-none-match'];
  if (had !== undefined && body.isNamedBy(had)) {
    reply.code(304);
    reply.removeHeader('content-type');
    return null;
  }
  reply.header('Content-Type', body.contentType);
  if (encoding !== 'identity') reply.header('Content-Encoding', encoding);
  return body.encoded(encoding);
}

/** Compresses a reply to one client. Those to commands are left alone: they are small, and some carry secrets. */
async function compressed(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  const isLarge = typeof payload === 'string' && payload.length > compressAboveBytes;
  if (!isLarge || request.method !== 'GET' || isComplete.has(reply) || reply.hasHeader('content-encoding'))
    return payload;
  const own = textOf(reply.getHeader('vary'));
  reply.header('Vary', own === undefined ? 'Accept-Encoding' : `${own}, Accept-Encoding`);
  const encoding = encodingFor(request);
  if (encoding === 'identity') return payload;
  reply.removeHeader('content-length');
  reply.header('Content-Encoding', encoding);
  return compress(payload, encoding, effort.live);
}
