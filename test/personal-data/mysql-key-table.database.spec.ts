import { MysqlKeyTable } from '../../src/personal-data/key-tables.js';
import { openReadModels, type ReadModels } from '../../src/projections/open-read-models.js';
import { sharedDatabaseServer, sharedStartTimeoutMs } from '../services/shared-database.js';
import { keyTableContract } from './key-table-contract.js';

const opened: ReadModels[] = [];
let url: string;

async function open(): Promise<MysqlKeyTable> {
  const models = await openReadModels({ url });
  opened.push(models);
  return new MysqlKeyTable(models.write);
}

describe('keys beside read models on a database server', () => {
  let table: MysqlKeyTable;
  beforeAll(async () => {
    url = await (await sharedDatabaseServer()).newDatabase();
    table = await open();
  }, sharedStartTimeoutMs);
  afterAll(async () => {
    for (const models of opened.splice(0)) await models.close();
  });

  keyTableContract(() => table, open);
});
