import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiProblem } from './problem.js';

/** What a feed may be sent as. Only endpoints that take text as it came accept these. */
const textTypes = /^(?:text\/[\w.+-]+|application\/(?:[\w.-]+\+)?xml)(?:\s*;|$)/;

/** Reads bodies strictly: JSON that is valid UTF-8, or text where an endpoint asks for it. */
export function addBodyParsers(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      done(null, wantsText(request) ? decode(body) : parseJson(body));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
  fastify.addContentTypeParser<Buffer>(textTypes, { parseAs: 'buffer' }, (request, body, done) => {
    try {
      if (!wantsText(request)) {
        throw new ApiProblem('unsupported-media-type', 'Send the body as application/json.');
      }
      done(null, decode(body));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

function wantsText(request: FastifyRequest): boolean {
  return request.routeOptions.config?.body === 'text';
}

/** An empty body is no body: endpoints that need one say so by name. */
function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const text = decode(body);
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiProblem('malformed-json', 'The body is not JSON: correct it and send it again.');
  }
}

function decode(body: Buffer): string {
  if (!isUtf8(body)) throw new ApiProblem('malformed-json', 'The body is not valid UTF-8.');
  return body.toString('utf8');
}
