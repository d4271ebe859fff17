import { z } from 'zod';
import { instantSchema, userIdSchema } from './ids.js';

/** Who caused an event: a fan, an operator with the admin key, or a named process of ours. */
export const actorSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('user'), userId: userIdSchema }),
  z.object({ kind: z.literal('admin') }),
  z.object({
    kind: z.literal('process'),
    name: z.enum(['admission', 'expiry', 'charging', 'checkout', 'import']),
  }),
  z.object({ kind: z.literal('anonymous') }),
]);
export type Actor = z.infer<typeof actorSchema>;

/** Carried by every event beside its data. */
export const metadataSchema = z.object({
  /** The command that decided the event; event ids derive from it. */
  commandId: z.guid(),
  /** Shared by everything one request set in motion. */
  correlationId: z.string().min(1).max(100),
  /** The command or event that led to this command. */
  causationId: z.string().min(1).max(100),
  actor: actorSchema,
  /** The decider's clock, not the store's. */
  occurredAt: instantSchema,
  schemaVersion: z.number().int().min(1),
});
export type EventMetadata = z.infer<typeof metadataSchema>;
