/** The thread that writes the read models: statements of the projections' transactions, one after the other. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Database } from '../../platform/sqlite.js';
import { driverErrorField } from '../engine/dialect.js';
import { Statements, setForWriting } from './statements.js';
import { WriteAheadLog } from './write-ahead-log.js';
import type { Ask, FromWriter, ToWriter, WriterOrder } from './writer-client.js';

function serve(port: MessagePort, { file, walLimits }: WriterOrder): void {
  // Writers wait without blocking the thread: see Statements.
  const database = new Database(file, { timeout: 0 });
  setForWriting(database);
  database.pragma('cache_size = -32000');
  const statements = new Statements(database);
  const log = new WriteAheadLog(database, file, walLimits);
  const execute = async (ask: Ask): Promise<FromWriter> => {
    try {
      return { kind: 'answer', answer: await statements.execute(ask) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: 'failure', message, code: String(driverErrorField(error, 'code')) };
    }
  };
  let last: Promise<void> = Promise.resolve();
  port.on('message', ({ ask }: ToWriter) => {
    last = last.then(async () => {
      if (ask) {
        port.postMessage(await execute(ask));
        if (ask.kind === 'commit') log.tend();
        return;
      }
      log.close();
      database.close();
      port.close();
    });
  });
}

if (parentPort === null) throw new Error('the writer runs as a worker thread');
serve(parentPort, workerData as WriterOrder); // given by WriterClient
