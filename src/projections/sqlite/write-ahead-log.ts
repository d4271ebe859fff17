import { closeSync, fdatasync, openSync } from 'node:fs';
import type { Database } from '../../platform/sqlite.js';

export interface WalLimits {
  /** Pages written before the disk is told to take them, while the next transactions go on. */
  readonly flushPages: number;
  /** Pages before they are moved into the file. */
  readonly movePages: number;
}

/** Writes a file's data to the disk, on another thread. */
type FlushFile = (descriptor: number, done: () => void) => void;

const defaultLimits: WalLimits = {
  /** 16 MiB. */
  flushPages: 4_000,
  /** 512 MiB: a page that changes again and again is moved once, and moving waits for the disk. */
  movePages: 128_000,
};

/** What `PRAGMA wal_checkpoint` tells, as SQLite documents it. */
interface Pages {
  readonly log: number;
  readonly checkpointed: number;
}

/**
 * Looks after the write-ahead log of a file, in the place of SQLite's automatic checkpoint. That one is part of a COMMIT,
 * which then waits until the disk has all of the log; this one comes after the COMMIT has been answered and finds most of
 * the log on the disk.
 */
export class WriteAheadLog {
  /** Opened for the first flush: an empty file has no log. */
  private descriptor: number | undefined;
  private isFlushing = false;
  private isClosed = false;
  private flushedPages = 0;

  /** @param file open in `database`, in WAL mode. */
  constructor(
    private readonly database: Database,
    private readonly file: string,
    private readonly limits: WalLimits = defaultLimits,
    private readonly flushFile: FlushFile = fdatasync,
  ) {}

  /** To be called when no transaction is open. What fails is left to the next call, and to SQLite's own writes. */
  tend(): void {
    try {
      this.moveOrFlush();
    } catch {}
  }

  /** SQLite moves the rest when the last connection is closed. */
  close(): void {
    this.isClosed = true;
    // A descriptor closed under a flush might be another file's when the flush begins.
    if (!this.isFlushing) this.closeDescriptor();
  }

  private moveOrFlush(): void {
    const { flushPages, movePages } = this.limits;
    const { log, checkpointed } = this.checkpoint('NOOP');
    // It starts over once everything is moved, or is emptied by somebody else.
    if (log < this.flushedPages) this.flushedPages = 0;
    if (log - checkpointed >= movePages) this.checkpoint('PASSIVE');
    else if (log - this.flushedPages >= flushPages && !this.isFlushing) this.flush(log);
  }

  private flush(log: number): void {
    this.descriptor ??= openSync(`${this.file}-wal`, 'r+');
    this.isFlushing = true;
    this.flushedPages = log;
    this.flushFile(this.descriptor, () => {
      this.isFlushing = false;
      if (this.isClosed) this.closeDescriptor();
    });
  }

  private closeDescriptor(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private checkpoint(mode: 'NOOP' | 'PASSIVE'): Pages {
    const [pages] = this.database.pragma(`wal_checkpoint(${mode})`) as Pages[]; // see Pages
    return pages ?? { log: 0, checkpointed: 0 };
  }
}
