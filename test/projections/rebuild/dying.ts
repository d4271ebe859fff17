import type { Dialect } from '../../../src/projections/engine/dialect.js';
import type { ReadModels } from '../../../src/projections/open-read-models.js';

/** When a process that rebuilds may be killed. */
export const deaths = ['before the tables are renamed', 'when they are', 'after the swap'] as const;

/** Read models as a process sees them that dies at one step of the swap: nothing it does later happens. */
export function dying(models: ReadModels, when: (typeof deaths)[number]): ReadModels {
  let isDead = false;
  const die = (): never => {
    isDead = true;
    throw new Error('killed');
  };
  const dialect: Dialect = {
    ...models.dialect,
    withSession: (dataSource, work) =>
      isDead ? Promise.reject(new Error('killed')) : models.dialect.withSession(dataSource, work),
    async renameTables(dataSource, session, renames, complete) {
      if (when === 'before the tables are renamed') die();
      await models.dialect.renameTables(
        dataSource,
        session,
        renames,
        when === 'when they are' ? async () => die() : complete,
      );
      die();
    },
  };
  return { ...models, dialect };
}
