/** The thread that writes the read models: statements of the projections' transactions, one after the other. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Database } from '../../platform/sqlite.js';
import { driverErrorField } from '../engine/dialect.js';
import { Statements, setForWriting } from './statements.js';
import { WriteAheadLog } from './write-ahead-log.js';
import type { Ask, AskMessage, FromWriter, ToWriter, WriterOrder } from './writer-client.js';

/** The database's one connection. A client has it for a statement, or from its BEGIN to the end of the transaction. */
class SharedDatabase {
  private readonly statements: Statements;
  /** The turn before. */
  private last: Promise<void> = Promise.resolve();

  constructor(
    database: Database,
    private readonly log: WriteAheadLog,
  ) {
    this.statements = new Statements(database);
  }

  /** Resolves when it is the caller's turn, with the function that ends it. */
  async turn(): Promise<() => void> {
    const before = this.last;
    let end = () => {};
    this.last = new Promise((resolve) => {
      end = resolve;
    });
    await before;
    return end;
  }

  get isInTransaction(): boolean {
    return this.statements.isInTransaction;
  }

  async execute(ask: Ask): Promise<FromWriter> {
    try {
      return { kind: 'answer', answer: await this.statements.execute(ask) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: 'failure', message, code: String(driverErrorField(error, 'code')) };
    }
  }

  /** To be called after a commit has been answered. */
  committed(): void {
    this.log.tend();
  }
}

/** What one client asks for, in that order. */
class Client {
  private last: Promise<void> = Promise.resolve();
  private endTurn: (() => void) | undefined;

  constructor(
    private readonly port: MessagePort,
    private readonly database: SharedDatabase,
  ) {}

  ask(ask: Ask): void {
    this.last = this.last.then(async () => {
      this.port.postMessage(await this.execute(ask));
      if (ask.kind === 'commit') this.database.committed();
      this.passOn();
    });
  }

  /** Resolves when everything is done. A transaction that was left open is undone. */
  async end(): Promise<void> {
    await this.last;
    if (this.endTurn === undefined) return;
    await this.execute({ kind: 'rollback' });
    this.passOn();
  }

  private async execute(ask: Ask): Promise<FromWriter> {
    this.endTurn ??= await this.database.turn();
    return this.database.execute(ask);
  }

  private passOn(): void {
    if (this.database.isInTransaction) return;
    this.endTurn?.();
    this.endTurn = undefined;
  }
}

function serve(port: MessagePort, { file, walLimits }: WriterOrder): void {
  // Writers wait without blocking the thread: see Statements.
  const database = new Database(file, { timeout: 0 });
  setForWriting(database);
  database.pragma('cache_size = -32000');
  const log = new WriteAheadLog(database, file, walLimits);
  const shared = new SharedDatabase(database, log);
  const own = new Client(port, shared);
  const others = new Set<MessagePort>();

  const connect = (other: MessagePort): void => {
    const client = new Client(other, shared);
    others.add(other);
    other.on('message', ({ ask }: AskMessage) => client.ask(ask));
    other.on('close', () => {
      others.delete(other);
      void client.end();
    });
  };
  const close = async (): Promise<void> => {
    await own.end();
    for (const other of others) other.close();
    log.close();
    database.close();
    port.close();
  };
  port.on('message', (message: ToWriter) => {
    if (message.kind === 'ask') own.ask(message.ask);
    else if (message.kind === 'connect') connect(message.port);
    else void close();
  });
}

if (parentPort === null) throw new Error('the writer runs as a worker thread');
serve(parentPort, workerData as WriterOrder); // given by WriterClient
