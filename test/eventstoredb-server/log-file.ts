import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { Log, systemEvent } from './log.js';
import type { ProposedEvent, Write } from './log-records.js';

interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  /** Base64. */
  readonly data: string;
  /** Base64. */
  readonly metadata: string;
}

export interface OpenLog {
  readonly log: Log;
  close(): void;
}

/**
 * Opens a log, kept in a file when one is named: a line per write, in the hands of the operating system before
 * the write is answered, so that it outlives a killed process (not a power cut).
 */
export function openLog(file?: string): OpenLog {
  if (file === undefined) return withSystemEvents({ log: new Log(), close: () => {} });
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const descriptor = openSync(file, 'a');
  const log = new Log((write) => writeSync(descriptor, `${lineOf(write)}\n`));
  // What follows the last line break was torn by a kill.
  for (const line of lines.slice(0, -1)) if (line !== '') log.restore(parseWrite(line));
  if ((lines.at(-1) ?? '') !== '') writeSync(descriptor, '\n');
  return withSystemEvents({ log, close: () => closeSync(descriptor) });
}

/** A server's $all is never empty: it has written its own events before anybody can connect. */
function withSystemEvents(opened: OpenLog): OpenLog {
  if (opened.log.records.length === 0) opened.log.append('$users', -1, [systemEvent('$User', '"$admin"')]);
  return opened;
}

function lineOf(write: Write): string {
  const events = write.events.map(
    (event): StoredEvent => ({
      ...event,
      data: Buffer.from(event.data).toString('base64'),
      metadata: Buffer.from(event.metadata).toString('base64'),
    }),
  );
  return JSON.stringify({ ...write, events });
}

function parseWrite(line: string): Write {
  let write: Omit<Write, 'events'> & { readonly events: readonly StoredEvent[] };
  try {
    write = JSON.parse(line);
  } catch {
    throw new Error(`a damaged line in the log file: ${line.slice(0, 80)}`);
  }
  const events = write.events.map(
    (event): ProposedEvent => ({
      ...event,
      data: Buffer.from(event.data, 'base64'),
      metadata: Buffer.from(event.metadata, 'base64'),
    }),
  );
  return { ...write, events };
}
