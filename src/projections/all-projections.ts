import { sessionsProjection, usersProjection } from './account.js';
import { catalogProjection } from './catalog/projection.js';
import { CheckpointRow } from './engine/checkpoints.js';
import { type Entity, type Table, tableOf } from './engine/entity.js';
import type { Projection } from './engine/projection.js';
import { ordersProjection } from './orders.js';
import { tokensProjection } from './queue.js';
import { RebuildRecordRow } from './rebuild/rebuild-record.js';
import { walletsProjection } from './wallet.js';

/** Every read model's projection. */
export const allProjections: readonly Projection[] = [
  usersProjection,
  sessionsProjection,
  walletsProjection,
  tokensProjection,
  catalogProjection,
  ordersProjection,
];

/** Every table of the read models' database; queries read them through TypeORM's repositories. */
export const allEntities: readonly Entity[] = [
  CheckpointRow,
  RebuildRecordRow,
  ...allProjections.flatMap((projection) => projection.entities),
];

/** The same as the engine has them. */
export const allTables: readonly Table[] = allEntities.map(tableOf);
