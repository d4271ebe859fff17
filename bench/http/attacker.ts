/**
 * An attacker in a process of its own, from an address that no fan has. It says when it has begun, and what it got when it is
 * told to end.
 */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { AttackOrder } from '../attacks.js';
import { RawClient } from './raw-client.js';

const from = '127.0.0.66';
/** A connection that was closed is made again after this time, ms. */
const comeBackAfterMs = 50;

const order = JSON.parse(process.argv[2] ?? '') as AttackOrder; // from attacks.ts
const url = new URL(order.url);
const spoils: Record<string, number> = {};

function count(what: string): void {
  spoils[what] = (spoils[what] ?? 0) + 1;
}

/**
 * Sends bytes on one connection after another.
 * @param givesUpAfterMs reads nothing, so does not see that a connection was closed, and leaves it after this time; default:
 *   stays until it is closed.
 */
async function sendAndWait(bytes: () => string, givesUpAfterMs?: number): Promise<never> {
  for (;;) {
    const socket = connect({ port: Number(url.port), host: url.hostname, localAddress: from });
    socket.on('error', () => undefined);
    count('connections');
    socket.write(bytes());
    if (givesUpAfterMs === undefined) {
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
    } else {
      socket.pause();
      await delay(givesUpAfterMs);
      socket.destroy();
    }
    await delay(comeBackAfterMs);
  }
}

/** Asks again as soon as there is an answer. */
async function askAgain(path: () => string, headers = ''): Promise<never> {
  const client = new RawClient(url, from);
  for (;;) {
    const reply = await client.send('GET', path(), headers).catch(() => undefined);
    count(String(reply?.status ?? 'lost'));
    if (!reply) await delay(comeBackAfterMs);
  }
}

function several(number: number, attack: () => Promise<never>): void {
  for (let one = 0; one < number; one++) void attack();
}

/** Fans who came in before have left more events than that. */
const positions = 10_000;

/** A path that no reply in memory is for: another moment, another word. */
function uncommonPath(): string {
  const seats = `/v1/schedules/${order.scheduleId}/seats`;
  const anything = Math.floor(Math.random() * 1e9);
  const paths = [
    `${seats}?at=${anything % positions}`,
    `/v1/performances?search=${anything}`,
    `/v1/performances/${order.performanceId}/queue?at=${anything % positions}`,
    `/v1/none/${anything}`,
    `${seats}/status`,
  ];
  return paths[anything % paths.length] ?? '/';
}

switch (order.attack) {
  case 'stalled-bodies': {
    const head = [
      'POST /v1/auth/login HTTP/1.1',
      'Host: x',
      'Content-Type: application/json',
      'Content-Length: 60',
    ];
    several(2_500, () => sendAndWait(() => `${head.join('\r\n')}\r\n\r\n{`));
    break;
  }
  case 'pipelining': {
    const seats = () =>
      `GET /v1/schedules/${order.scheduleId}/seats?at=${Math.floor(Math.random() * positions)} HTTP/1.1\r\nHost: x\r\n\r\n`;
    several(20, () => sendAndWait(() => Array.from({ length: 300 }, seats).join(''), 1_000));
    break;
  }
  case 'wait-positions':
    several(200, () => askAgain(() => '/v1/performances', 'X-Wait-For-Position: 900719925474099\r\n'));
    break;
  case 'one-address':
    several(200, () => askAgain(uncommonPath));
    break;
}
process.on('message', () => process.send?.(spoils, () => process.exit()));
process.send?.('begun');
