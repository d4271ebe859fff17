import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { CommandContext } from '../commands/command-context.js';
import type { Actor } from '../events/event.js';

/**
 * The context of a command that a request asks for. Everything it sets in motion carries the request's id.
 * @param commandId derived from the idempotency key where there is one; else a new id.
 */
export function contextOf(request: FastifyRequest, commandId: string = randomUUID()): CommandContext {
  return { commandId, correlationId: request.id, causationId: request.id, actor: actorOf(request) };
}

function actorOf(request: FastifyRequest): Actor {
  if (request.userId !== undefined) return { kind: 'user', userId: request.userId };
  return { kind: request.routeOptions.config?.operatorsOnly ? 'admin' : 'anonymous' };
}
