import { z } from 'zod';
import { defineEvent, type EventsOf } from './event.js';
import { instantSchema, sessionIdSchema, userIdSchema } from './ids.js';

/** Stream `user-<userId>`: one person's account. */
export const userEvents = {
  UserRegistered: defineEvent(
    'UserRegistered',
    z.object({
      userId: userIdSchema,
      /** The name used to log in; its uniqueness is claimed in `login-<sha256(loginId)>`. */
      loginId: z.string().min(1).max(30),
      /** The nickname shown to others. */
      username: z.string().min(1).max(50),
      /** The name on the ticket. */
      name: z.string().min(1).max(100),
      /** An argon2id hash in PHC format, never the password. */
      passwordHash: z.string().min(1),
    }),
    { personal: ['loginId', 'username', 'name'] },
  ),
  PasswordChanged: defineEvent(
    'PasswordChanged',
    z.object({ userId: userIdSchema, passwordHash: z.string().min(1) }),
  ),
  /** Ends every session of an earlier epoch, but for the one that asked. */
  SessionsEnded: defineEvent(
    'SessionsEnded',
    z.object({
      userId: userIdSchema,
      /** Sessions that start from now on carry it. */
      epoch: z.number().int().min(1),
      keptSessionId: sessionIdSchema,
      reason: z.enum(['password-changed', 'ended-elsewhere']),
    }),
  ),
  UserErased: defineEvent('UserErased', z.object({ userId: userIdSchema })),
};
export type UserEvent = EventsOf<typeof userEvents>;

/** Stream `login-<sha256(loginId)>`: the first claim of a login id is final. */
export const loginEvents = {
  LoginClaimed: defineEvent('LoginClaimed', z.object({ userId: userIdSchema })),
};
export type LoginEvent = EventsOf<typeof loginEvents>;

/** Stream `session-<sessionId>`: one log-in on one device; refresh tokens rotate through its generations. */
export const sessionEvents = {
  SessionStarted: defineEvent(
    'SessionStarted',
    z.object({
      sessionId: sessionIdSchema,
      userId: userIdSchema,
      /** The user's epoch when the password was checked: see SessionsEnded. */
      epoch: z.number().int().min(0),
      /** When it ends unless it is refreshed. */
      expiresAt: instantSchema,
      /** When it ends even if it is refreshed; null: set by the next refresh. */
      endsAt: instantSchema.nullable(),
    }),
    { version: 2 },
  ),
  SessionRefreshed: defineEvent(
    'SessionRefreshed',
    z.object({
      sessionId: sessionIdSchema,
      userId: userIdSchema,
      /** Only a refresh token of the current generation is honoured. */
      generation: z.number().int().min(1),
      refreshedAt: instantSchema,
      expiresAt: instantSchema,
      /** As in SessionStarted. */
      endsAt: instantSchema.nullable(),
    }),
    { version: 2 },
  ),
  SessionEnded: defineEvent(
    'SessionEnded',
    z.object({
      sessionId: sessionIdSchema,
      userId: userIdSchema,
      /**
       * `reuse`: an already rotated refresh token came back, so the session was closed for safety. `ended-elsewhere`: by
       * the same user from another session.
       */
      reason: z.enum(['logout', 'reuse', 'ended-elsewhere']),
    }),
    { version: 2 },
  ),
};
export type SessionEvent = EventsOf<typeof sessionEvents>;
