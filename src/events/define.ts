import type { z } from 'zod';

/** What the log knows about one event type. */
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
export type EventOf<D> =
  D extends EventDefinition<infer Type, infer Schema>
    ? { readonly type: Type; readonly data: z.infer<Schema> }
    : never;

/** The union of events of several definitions, discriminated by `type`. */
export type EventsOf<Definitions extends Record<string, EventDefinition>> = EventOf<
  Definitions[keyof Definitions]
>;
