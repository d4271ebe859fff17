import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccessSession } from '../commands/account/session-check.js';
import type { CommandContext } from '../commands/command-context.js';
import type { Operator } from '../commands/operators/operator-keys.js';
import type { QueueToken } from '../commands/queue/queue-admission.js';
import type { Actor } from '../events/event.js';
import type { UserId } from '../events/ids.js';
import type { OperatorRole } from '../events/operator-events.js';
import type { Language } from '../queries/replies/reply.js';
import type { Connections } from './connections.js';
import type { LoadGate } from './load-gate.js';
import type { ReadAllowance } from './read-allowance.js';
import type { SharedReplyKind } from './shared-replies.js';

/** Roles beside the owner, who may do everything. */
export type AdmittedRoles = readonly Exclude<OperatorRole, 'owner'>[];

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by UserGuard. */
    userId: UserId | undefined;
    /** As userId. */
    session: AccessSession | undefined;
    /** Set by QueueTokenGuard. */
    queueToken: QueueToken | undefined;
    /** Set on operators' endpoints, before the body is read. */
    operator: Operator | undefined;
    /** Why an operators' endpoint will refuse the request. */
    operatorRefusal: Error | undefined;
    /** Set by the load gate: refused before anything was looked at. */
    isTurnedAway: boolean;
  }
  interface FastifyInstance {
    /** The methods some route answers at this URL; empty when there is none. */
    methodsOf(url: string): readonly string[];
    connections: Connections;
    /** What clients may still read, by address. */
    readAllowance: ReadAllowance;
    loadGate: LoadGate;
  }
  interface FastifyContextConfig {
    /** Largest body of this route, in bytes; else the server's. */
    bodyLimitBytes?: number;
    /** `text`, `bytes`: the body reaches the handler as it came, whatever its type. */
    body?: 'text' | 'bytes';
    /** Which roles may use it, beside the owner. Everybody else is refused before the body is read. */
    operatorsOnly?: AdmittedRoles;
    /** Which roles may use an endpoint for fans as operators, beside the owner: behind ViewerGuard. */
    operatorsToo?: AdmittedRoles;
    /** Anybody may send this body, so it must be small and come soon. */
    isAnonymous?: boolean;
    /**
     * `essential`: answered under any load; `buying`: of fans who have their turn, before others; `stream`: an event
     * stream; `long`: may take minutes.
     */
    load?: 'essential' | 'buying' | 'stream' | 'long';
    /** The reply is the same for everybody who asks in the same language: sent from memory. */
    shared?: SharedReplyKind;
  }
}

/** A request id worth taking over from the caller: short and harmless in logs and headers. */
const saneRequestId = /^[A-Za-z0-9._:-]{8,100}$/;

/** The caller's request id if it matches {@link saneRequestId}, else a new one. */
export function requestIdOf(raw: IncomingMessage | Http2ServerRequest): string {
  const given = raw.headers['x-request-id'];
  return typeof given === 'string' && saneRequestId.test(given) ? given : randomUUID();
}

const bearer = /^Bearer +([^\s]{1,4096})$/i;

/** The bearer token of a request, if it has one. */
export function bearerOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization;
  return header === undefined ? undefined : bearer.exec(header)?.[1];
}

/** Longer paths than any of ours are cut off, in replies and logs. */
const maxPathLength = 500;

/** The path without its query, which may carry tokens; its first 500 characters. */
export function pathOf(request: FastifyRequest): string {
  const queryAt = request.url.indexOf('?');
  const end = queryAt === -1 ? request.url.length : queryAt;
  return request.url.slice(0, Math.min(end, maxPathLength));
}

/**
 * The context of a command that a request asks for. All events it causes carry the request's id.
 * @param commandId derived from the idempotency key where there is one; else a new id.
 */
export function contextOf(request: FastifyRequest, commandId: string = randomUUID()): CommandContext {
  return { commandId, correlationId: request.id, causationId: request.id, actor: actorOf(request) };
}

function actorOf(request: FastifyRequest): Actor {
  if (request.userId !== undefined) return { kind: 'user', userId: request.userId };
  if (request.operator === undefined) return { kind: 'anonymous' };
  const { operator, keyId } = request.operator;
  return { kind: 'admin', operator, ...(keyId === undefined ? {} : { keyId }) };
}

/** The supported language that an Accept-Language header prefers; null: none, names stay as the organiser wrote them. */
export function preferredLanguage(header: string | undefined): Language | null {
  if (header === undefined) return null;
  let best: { readonly language: Language; readonly quality: number } | undefined;
  for (const part of header.slice(0, 500).split(',')) {
    const match = /^\s*(ko|en)(?:-[\w-]*)?\s*(?:;\s*q=([\d.]{1,5})\s*)?$/i.exec(part);
    if (!match) continue;
    const quality = match[2] === undefined ? 1 : Number(match[2]);
    if (!(quality > (best?.quality ?? 0))) continue;
    best = { language: match[1]?.toLowerCase() === 'ko' ? 'ko' : 'en', quality };
  }
  return best?.language ?? null;
}

/** The language of a problem that answers the request. */
export function problemLanguage(request: FastifyRequest): Language {
  return preferredLanguage(request.headers['accept-language']) ?? 'en';
}

/** The language of a reply that is written in one: English unless the caller prefers Korean. */
export const ReplyLanguage = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const http = context.switchToHttp();
  const language = problemLanguage(http.getRequest<FastifyRequest>());
  const headers = { 'Content-Language': language, Vary: 'Accept-Language' };
  http.getResponse<FastifyReply>().headers(headers);
  return language;
});

/** The caller's {@link preferredLanguage}; tells caches that the reply depends on it. */
export const PreferredLanguage = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const http = context.switchToHttp();
  http.getResponse<FastifyReply>().header('Vary', 'Accept-Language');
  return preferredLanguage(http.getRequest<FastifyRequest>().headers['accept-language']);
});
