import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Instant, UserId } from '../events/ids.js';
import { moment, uuid, varchar } from './engine/entity.js';
import type { Projection } from './engine/projection.js';

@Entity('users')
@Index(['login_id'])
export class UserRow {
  @PrimaryColumn(uuid) readonly user_id!: UserId;
  @Column(varchar(30)) readonly login_id!: string;
  @Column(varchar(50)) readonly username!: string;
  @Column(varchar(100)) readonly name!: string;
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
