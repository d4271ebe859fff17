import { closeSync, fdatasync, fsyncSync, openSync, write, writeSync } from 'node:fs';
import type { NewEvent } from '../../src/event-store/port.js';

const fileBytes = 256 * 1024 * 1024;
const zeroes = Buffer.alloc(1024 * 1024);
const maxGroupBytes = 8 * 1024 * 1024;

/**
 * The yardstick: the least a durable log can do. Events become JSON in a buffer; everything waiting goes out
 * as one write and one fdatasync, off the main thread. No index, no revisions, no reading. The file is laid
 * out beforehand and overwritten in rounds, so that no growing of it is measured.
 */
export class RawLog {
  private readonly fd: number;
  private readonly group = Buffer.allocUnsafeSlow(maxGroupBytes);
  private waiting: { stream: string; events: readonly NewEvent[]; resolve: () => void }[] = [];
  private offset = 0;
  private isFlushing = false;
  private isScheduled = false;

  constructor(file: string) {
    this.fd = openSync(file, 'w');
    for (let at = 0; at < fileBytes; at += zeroes.length) writeSync(this.fd, zeroes, 0, zeroes.length, at);
    fsyncSync(this.fd);
  }

  /** Resolves when the events are on disk. */
  append(stream: string, events: readonly NewEvent[]): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ stream, events, resolve });
      this.schedule();
    });
  }

  close(): void {
    closeSync(this.fd);
  }

  /** At the end of the event-loop turn, so that all its appends share the flush. */
  private schedule(): void {
    if (this.isFlushing || this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    const flushed = this.waiting;
    this.waiting = [];
    let length = 0;
    for (const { stream, events } of flushed) {
      for (const event of events) length += this.encode(stream, event, length);
    }
    if (this.offset + length > fileBytes) this.offset = 0;
    this.isFlushing = true;
    write(this.fd, this.group, 0, length, this.offset, (writeError) => {
      if (writeError) throw writeError;
      fdatasync(this.fd, (syncError) => {
        if (syncError) throw syncError;
        this.isFlushing = false;
        for (const { resolve } of flushed) resolve();
        if (this.waiting.length > 0) this.schedule();
      });
    });
    this.offset += length;
  }

  /** Length-prefixed stream, id, type, data and metadata; returns the bytes written. */
  private encode(stream: string, event: NewEvent, at: number): number {
    const text = [stream, event.id, event.type, JSON.stringify(event.data), JSON.stringify(event.metadata)];
    let end = at;
    for (const part of text) {
      const bytes = this.group.write(part, end + 4, 'utf8');
      this.group.writeUInt32LE(bytes, end);
      end += 4 + bytes;
    }
    return end - at;
  }
}
