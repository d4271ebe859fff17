import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Instant, SessionId, UserId } from '../events/ids.js';
import { int, moment, nullable, personal, storedMoment, uuid, varchar } from './engine/entity.js';
import type { Projection } from './engine/projection.js';
import type { Statement, UnitOfWork } from './engine/unit-of-work.js';

@Entity('users')
@Index(['login_id'])
export class UserRow {
  @PrimaryColumn(uuid) readonly user_id!: UserId;
  @Column(personal(varchar(30))) readonly login_id!: string;
  @Column(personal(varchar(50))) readonly username!: string;
  @Column(personal(varchar(100))) readonly name!: string;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

/** Who has an account. The password's hash stays in the log: no query needs it. */
export const usersProjection: Projection = {
  name: 'users',
  version: 2,
  entities: [UserRow],
  on: {
    UserRegistered({ data, at }, rows) {
      rows.put(UserRow, {
        user_id: data.userId,
        login_id: data.loginId,
        username: data.username,
        name: data.name,
        created_at: at,
        updated_at: at,
      });
    },
    async PasswordChanged({ data, at }, rows) {
      const user = await rows.get(UserRow, { user_id: data.userId });
      if (user) rows.put(UserRow, { ...user, updated_at: at });
    },
    UserErased({ data }, rows) {
      rows.delete(UserRow, { user_id: data.userId });
    },
  },
  reads: {
    PasswordChanged: ({ data }, want) => want(UserRow, { user_id: data.userId }),
  },
};

/** One log-in on one device. */
@Entity('user_sessions')
@Index(['user_id', 'ended_at', 'refreshed_at'])
export class SessionRow {
  @PrimaryColumn(uuid) readonly session_id!: SessionId;
  @Column(uuid) readonly user_id!: UserId;
  /** The user's epoch when it started: SessionsEnded ends those of earlier ones. */
  @Column(int) readonly epoch!: number;
  @Column(moment) readonly started_at!: Instant;
  @Column(moment) readonly refreshed_at!: Instant;
  @Column(moment) readonly expires_at!: Instant;
  @Column(nullable(moment)) readonly ended_at!: Instant | null;
}

/** Where fans are logged in. Sessions that have expired are told by their time. */
export const sessionsProjection: Projection = {
  name: 'sessions',
  version: 1,
  entities: [SessionRow],
  on: {
    SessionStarted({ data, at }, rows) {
      rows.put(SessionRow, {
        session_id: data.sessionId,
        user_id: data.userId,
        epoch: data.epoch,
        started_at: at,
        refreshed_at: at,
        expires_at: data.expiresAt,
        ended_at: null,
      });
    },
    async SessionRefreshed({ data }, rows) {
      const session = await rows.get(SessionRow, { session_id: data.sessionId });
      const { refreshedAt: refreshed_at, expiresAt: expires_at } = data;
      if (session) rows.put(SessionRow, { ...session, refreshed_at, expires_at });
    },
    async SessionEnded({ data, at }, rows) {
      const session = await rows.get(SessionRow, { session_id: data.sessionId });
      if (session && session.ended_at === null) rows.put(SessionRow, { ...session, ended_at: at });
    },
    SessionsEnded: ({ data, at }, rows) =>
      endSessions(rows, at, {
        sql: 'user_id = ? AND epoch < ? AND session_id <> ?',
        parameters: [data.userId, data.epoch, data.keptSessionId],
      }),
    UserErased: ({ data, at }, rows) =>
      endSessions(rows, at, { sql: 'user_id = ?', parameters: [data.userId] }),
  },
  reads: {
    SessionStarted: ({ data }, want) => want(SessionRow, { session_id: data.sessionId }, true),
    SessionRefreshed: ({ data }, want) => want(SessionRow, { session_id: data.sessionId }),
    SessionEnded: ({ data }, want) => want(SessionRow, { session_id: data.sessionId }),
  },
};

function endSessions(rows: UnitOfWork, at: Instant, which: Statement): Promise<void> {
  return rows.update(SessionRow, () => ({
    set: { sql: 'ended_at = ?', parameters: [storedMoment(at)] },
    where: { sql: `ended_at IS NULL AND ${which.sql}`, parameters: which.parameters },
  }));
}
