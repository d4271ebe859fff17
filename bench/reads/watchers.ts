/** Fans who watch their place, in a process of its own: each on a connection that never closes. */
import { connect } from 'node:net';
import { performanceIdSchema } from '../../src/events/ids.js';
import { queueTokenOf } from './crowd.js';

/** What the process is told on its command line, as JSON. */
export interface Watching {
  readonly url: string;
  readonly crowd: string;
  readonly performanceId: string;
  readonly watchers: number;
}

/** What it says: first that all are connected, then when all of them were told of each admission. */
export type News =
  | { readonly kind: 'connected' }
  | {
      readonly kind: 'told';
      /** Places below this one are admitted. */
      readonly upTo: number;
      /** From the admission, as the log has it, to the moment when the last watcher was told. */
      readonly tookMs: number;
    };

/** The performance's claim window: an admitted fan's deadline tells when the admission was. */
const claimWindowMs = 3_600_000;
const connectingAtOnce = 100;

const { url, crowd, performanceId, watchers } = JSON.parse(process.argv[2] ?? '') as Watching; // from reads.ts
const address = new URL(url);
const show = performanceIdSchema.parse(performanceId);
const admittedAtMs = new Map<number, number>();
const toldOf = new Map<number, { count: number; lastAtMs: number }>();

function say(news: News): void {
  process.send?.(news);
}

function report(upTo: number): void {
  const [told, atMs] = [toldOf.get(upTo), admittedAtMs.get(upTo)];
  if (told?.count === watchers && atMs !== undefined)
    say({ kind: 'told', upTo, tookMs: told.lastAtMs - atMs });
}

function watch(fan: number): Promise<void> {
  const queueToken = queueTokenOf(crowd, show, fan);
  const path = `/v1/performances/${show}/queue-token/events?queueToken=${queueToken}`;
  return new Promise((resolve, reject) => {
    const socket = connect(Number(address.port), address.hostname).setNoDelay(true).setEncoding('latin1');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${address.host}\r\n\r\n`);
    let rest = '';
    let seen = -1;
    socket.on('data', (text: string) => {
      rest += text;
      const end = rest.lastIndexOf('\n\n');
      if (end === -1) return;
      const messages = rest.slice(0, end);
      rest = rest.slice(end);
      const own = /"place":(\d+),"status":"admitted".*"enterBefore":"([^"]+)"/.exec(messages);
      if (own) {
        const upTo = Number(own[1]) + 1;
        admittedAtMs.set(upTo, Date.parse(own[2] ?? '') - claimWindowMs);
        report(upTo);
      }
      const upTo = Number(/"admittedUpTo":(\d+)(?!.*"admittedUpTo")/s.exec(messages)?.[1] ?? -1);
      if (upTo <= seen) return;
      if (seen === -1) resolve();
      seen = upTo;
      const told = toldOf.get(upTo) ?? { count: 0, lastAtMs: 0 };
      toldOf.set(upTo, { count: told.count + 1, lastAtMs: Date.now() });
      report(upTo);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`watcher ${fan} was disconnected: ${rest.slice(0, 200)}`)));
  });
}

let next = 0;
const connecting = async () => {
  while (next < watchers) await watch(next++);
};
await Promise.all(Array.from({ length: connectingAtOnce }, connecting));
say({ kind: 'connected' });
