import type { FastifyReply } from 'fastify';
import type { Position } from '../event-store/port.js';

/** A command's reply: where in the log its effect is, for reading one's own writes. */
export type Positioned<Body> = Body & { readonly position: Position | null };

/** The body with its position, which goes into the X-Log-Position header too. */
export function withPosition<Body extends object>(
  reply: FastifyReply,
  body: Body,
  position: Position | undefined,
): Positioned<Body> {
  setLogPosition(reply, position);
  return { ...body, position: position ?? null };
}

export function setLogPosition(reply: FastifyReply, position: Position | null | undefined): void {
  if (position !== undefined && position !== null) reply.header('X-Log-Position', String(position));
}
