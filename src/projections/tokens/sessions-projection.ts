import type { Projection } from '../engine/projection.js';
import { SessionRow } from '../queue.js';

/** Log-ins and how they ended. */
export const sessionsProjection: Projection = {
  name: 'sessions',
  version: 1,
  entities: [SessionRow],
  on: {
    SessionStarted({ data, at }, rows) {
      rows.put(SessionRow, {
        session_id: data.sessionId,
        user_id: data.userId,
        status: 'live',
        generation: 0,
        expires_at: data.expiresAt,
        end_reason: null,
        created_at: at,
        updated_at: at,
      });
    },
    async SessionRefreshed({ data, at }, rows) {
      const session = await rows.get(SessionRow, { session_id: data.sessionId });
      if (!session) return;
      const { generation, expiresAt } = data;
      rows.put(SessionRow, { ...session, generation, expires_at: expiresAt, updated_at: at });
    },
    async SessionEnded({ data, at }, rows) {
      const session = await rows.get(SessionRow, { session_id: data.sessionId });
      if (!session) return;
      rows.put(SessionRow, { ...session, status: 'ended', end_reason: data.reason, updated_at: at });
    },
  },
  reads: {
    SessionRefreshed: ({ data }, want) => want(SessionRow, { session_id: data.sessionId }),
    SessionEnded: ({ data }, want) => want(SessionRow, { session_id: data.sessionId }),
  },
};
