import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';

/**
 * Sent with every reply, errors included. They are constants, set by one hook, and no more than data needs: each costs a hot
 * read one percent. A reply that may be kept says so itself (`shared-replies.ts`); no cache keeps any other.
 */
export const securityHeaders = {
  'Cache-Control': 'no-store',
  // A reply is data: nothing in it may run, load anything or be framed.
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
} as const;

/**
 * For pages that run scripts of their own, /docs and the dashboard of deadlines: files of this server only. Both set styles
 * in their markup; neither evaluates text as a script.
 */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What pages say in addition, for old browsers as well. */
const pageHeaders = {
  'Content-Security-Policy': pagePolicy,
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Frame-Options': 'DENY',
} as const;

/**
 * Adds {@link securityHeaders} to every reply, and {@link pageHeaders} to those at these addresses and below. Call it before
 * any hook that may answer, and before the routes are added.
 */
export function addSecurityHeaders(fastify: FastifyInstance, pages: readonly string[]): void {
  fastify.addHook('onRequest', (_request, reply, done) => {
    reply.headers(securityHeaders);
    done();
  });
  fastify.addHook('onRoute', (route) => {
    if (!pages.some((page) => route.url === page || route.url.startsWith(`${page}/`))) return;
    const setPolicy: onRequestHookHandler = (_request, reply, done) => {
      reply.headers(pageHeaders);
      done();
    };
    route.onRequest = [setPolicy, ...[route.onRequest ?? []].flat()];
  });
}

/** What a page of another origin may read of a reply, beside its body. */
const exposedHeaders = [
  'ETag',
  'Idempotency-Replayed',
  'Location',
  'Retry-After',
  'X-Log-Position',
  'X-Request-Id',
];

const allowedHeaders = [
  'Accept-Language',
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'X-Join-Proof',
  'X-Queue-Token',
  'X-Request-Id',
  'X-Wait-For-Position',
];

/** How long a browser remembers what an origin may do, seconds. */
const preflightMaxAge = 600;

/**
 * Lets pages of these origins call the API; with none, nothing is said to pages of others, and browsers refuse them. No
 * cookies are involved: a page can send only the tokens that it was given.
 * @param origins such as `https://tickets.example`.
 */
export function allowOrigins(app: NestFastifyApplication, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.enableCors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders,
    exposedHeaders,
    credentials: false,
    maxAge: preflightMaxAge,
  });
}
