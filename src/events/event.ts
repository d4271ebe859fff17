import { z } from 'zod';
import { instantSchema, operatorKeyIdSchema, userIdSchema } from './ids.js';

/** One event type: its name, schema and version. */
export interface EventDefinition<Type extends string = string, Schema extends z.ZodType = z.ZodType> {
  readonly type: Type;
  /** Version of the data's shape. Raise it with every incompatible change and add an upcaster. */
  readonly version: number;
  readonly schema: Schema;
  /** Top-level fields that identify a person: they are erased with the person. */
  readonly personal: readonly string[];
}

/** Declares an event type; `z.infer` of its schema is the type of its data. */
export function defineEvent<const Type extends string, Schema extends z.ZodType>(
  type: Type,
  schema: Schema,
  options: { version?: number; personal?: readonly string[] } = {},
): EventDefinition<Type, Schema> {
  return { type, schema, version: options.version ?? 1, personal: options.personal ?? [] };
}

/** The event (type and data) a definition stands for. */
type EventOf<D> =
  D extends EventDefinition<infer Type, infer Schema>
    ? { readonly type: Type; readonly data: z.infer<Schema> }
    : never;

/** The union of events of several definitions, discriminated by `type`. */
export type EventsOf<Definitions extends Record<string, EventDefinition>> = EventOf<
  Definitions[keyof Definitions]
>;

/** Who caused an event: a fan, an operator, or a named process of ours. */
const actorSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('user'), userId: userIdSchema }),
  z.object({
    kind: z.literal('admin'),
    /**
     * The operator's name; `environment`: the key of the environment; `data-folder`: a command on the data folder, without a
     * server. Absent in events of versions before operators had names.
     */
    operator: z.string().min(1).max(40).optional(),
    /** The operator's key. */
    keyId: operatorKeyIdSchema.optional(),
  }),
  z.object({
    kind: z.literal('process'),
    name: z.enum(['admission', 'expiry', 'charging', 'checkout', 'refunds', 'erasure', 'import']),
  }),
  z.object({ kind: z.literal('anonymous') }),
]);
export type Actor = z.infer<typeof actorSchema>;

/** Carried by every event beside its data. */
export const metadataSchema = z.object({
  /** The command that decided the event; event ids derive from it. */
  commandId: z.guid(),
  /** The same for all events that one request caused. */
  correlationId: z.string().min(1).max(100),
  /** The command or event that led to this command. */
  causationId: z.string().min(1).max(100),
  actor: actorSchema,
  /** The decider's clock, not the store's. */
  occurredAt: instantSchema,
  schemaVersion: z.number().int().min(1),
});
export type EventMetadata = z.infer<typeof metadataSchema>;
