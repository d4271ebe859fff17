/** The writer thread: drains every waiting message into one transaction, and replies when it is on disk. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { claimWriting, openForWriting, reasonOf } from './log-file.js';
import { type AppendBatch, type FromWriter, fullCommitAppends, type ToWriter, Writer } from './writer.js';

function serve(port: MessagePort, file: string): void {
  const reply = (message: FromWriter) => port.postMessage(message);
  const release = claimWriting(file);
  const database = openForWriting(file);
  const writer = new Writer(database);

  const commit = (batches: readonly AppendBatch[]): void => {
    if (batches.length === 0) return;
    try {
      reply({ kind: 'committed', batches: batches.length, outcomes: writer.commit(batches) });
    } catch (error) {
      reply({ kind: 'failed', batches: batches.length, reason: reasonOf(error) });
    }
  };
  port.on('message', (first: ToWriter) => {
    const { batches, close } = drain(port, first);
    commit(batches);
    if (!close) return;
    database.close();
    release();
    port.close();
  });
  reply({ kind: 'ready', head: writer.head() });
}

/** Takes the messages that wait at the port, until the transaction is full. */
function drain(port: MessagePort, first: ToWriter): { batches: AppendBatch[]; close: boolean } {
  const batches: AppendBatch[] = [];
  let appends = 0;
  let next: ToWriter | undefined = first;
  while (next !== undefined) {
    if (next.kind === 'close') return { batches, close: true };
    batches.push(next);
    appends += next.streams.length;
    next = appends < fullCommitAppends ? receive(port) : undefined;
  }
  return { batches, close: false };
}

function receive(port: MessagePort): ToWriter | undefined {
  // The other end is our own store, which sends nothing else.
  return receiveMessageOnPort(port)?.message as ToWriter | undefined;
}

if (parentPort === null) throw new Error('the writer runs as a worker thread');
try {
  serve(parentPort, String(workerData));
} catch (error) {
  const refused: FromWriter = { kind: 'refused', reason: reasonOf(error) };
  parentPort.postMessage(refused);
}
