import type { Projection } from '../engine/projection.js';
import { usersTable } from './tables.js';

/** Who has an account. The password's hash stays in the log: no query needs it. */
export const usersProjection: Projection = {
  name: 'users',
  version: 1,
  tables: [usersTable],
  on: {
    UserRegistered({ data, at }, rows) {
      rows.put(usersTable, {
        user_id: data.userId,
        login_id: data.loginId,
        username: data.username,
        name: data.name,
        created_at: at,
        updated_at: at,
      });
    },
    async PasswordChanged({ data, at }, rows) {
      const user = await rows.get(usersTable, [data.userId]);
      if (user) rows.put(usersTable, { ...user, updated_at: at });
    },
    UserErased({ data }, rows) {
      rows.delete(usersTable, [data.userId]);
    },
  },
  reads: {
    PasswordChanged: ({ data }, want) => want(usersTable, [data.userId]),
  },
};
