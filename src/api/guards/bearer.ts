import type { FastifyRequest } from 'fastify';

const bearer = /^Bearer +([^\s]{1,4096})$/i;

/** The bearer token of a request, if it has one. */
export function bearerOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization;
  return header === undefined ? undefined : bearer.exec(header)?.[1];
}
