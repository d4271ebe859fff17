import { z } from 'zod';
import { defineEvent, type EventsOf } from './event.js';
import { instantSchema, operatorKeyIdSchema, operatorNameSchema } from './ids.js';

/**
 * What an operator may do. The owner may do everything; which other roles an endpoint admits is declared beside its route.
 * `box-office`: catalog, orders, refunds, charges, erasures. `door`: nothing yet but what everybody may read. `auditor`:
 * reads everything operators can read, and changes nothing.
 */
export const operatorRoles = ['owner', 'box-office', 'door', 'auditor'] as const;
export const operatorRoleSchema = z.enum(operatorRoles);
export type OperatorRole = z.infer<typeof operatorRoleSchema>;

/** Stream `operator-keys`: the keys of all operators, so that rules over all of them are decided exactly. */
export const operatorEvents = {
  OperatorKeyIssued: defineEvent(
    'OperatorKeyIssued',
    z.object({
      keyId: operatorKeyIdSchema,
      /** Whose key it is. One operator may have several, such as an old and a new one. */
      operator: operatorNameSchema,
      role: operatorRoleSchema,
      /** SHA-256 of the key, hex. The key has 256 random bits, so it cannot be found by trying, as a password could. */
      keyHash: z.string().regex(/^[0-9a-f]{64}$/),
      issuedAt: instantSchema,
    }),
  ),
  OperatorKeyRevoked: defineEvent(
    'OperatorKeyRevoked',
    z.object({
      keyId: operatorKeyIdSchema,
      operator: operatorNameSchema,
      reason: z.string().min(1).max(200),
      revokedAt: instantSchema,
    }),
  ),
};
export type OperatorEvent = EventsOf<typeof operatorEvents>;
