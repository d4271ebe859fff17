import type { UserId } from '../events/ids.js';
import type { Projection } from './engine/projection.js';
import { defineTable, instant, type RowOf, uuid, varchar } from './engine/table.js';

export const usersTable = defineTable('users', {
  columns: {
    user_id: uuid<UserId>(),
    login_id: varchar(30),
    username: varchar(50),
    name: varchar(100),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['user_id'],
  indexes: [['login_id']],
});
export type UserRow = RowOf<typeof usersTable>;

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
