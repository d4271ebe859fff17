import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { startDatabaseServer, type TestDatabaseServer } from './database-server.js';

let server: TestDatabaseServer;

beforeAll(async () => {
  server = await startDatabaseServer();
});

afterAll(() => server.stop());

async function query(url: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection({ uri: url });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
}

it('gives each caller an empty database of its own', async () => {
  const one = await server.newDatabase();
  await query(one, 'CREATE TABLE things (id INT PRIMARY KEY)');
  expect(await query(await server.newDatabase(), 'SHOW TABLES')).toEqual([]);
});

it('lets nobody in without its password', async () => {
  const url = server.url().replace(/:[^:@]+@/, ':wrong@');
  await expect(query(url, 'SELECT 1')).rejects.toThrow('Access denied');
});

it('still has what was committed after a crash, at the same address', async () => {
  const url = await server.newDatabase();
  await query(url, 'CREATE TABLE things (id INT PRIMARY KEY)');
  await query(url, 'INSERT INTO things VALUES (7)');
  await server.kill();
  await expect(query(url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  await server.restart();
  expect(await query(url, 'SELECT id FROM things')).toEqual([{ id: 7 }]);
});
