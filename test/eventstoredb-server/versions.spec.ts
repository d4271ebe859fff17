import streamsServices from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import { credentials } from '@grpc/grpc-js';
import { openEventStoreDb } from '../../src/event-store/eventstoredb/event-store-db.js';
import {
  categoryFilter,
  type LogFilter,
  logRead,
  logSubscription,
} from '../../src/event-store/eventstoredb/records.js';
import { newEvents } from '../event-store/new-event.js';
import { WireServer } from './server.js';

const absurd = 18446744073709551615n;
const ours = categoryFilter(['ours']);
type Place = Exclude<Parameters<typeof logSubscription>[0], 'end'>;

/** What a subscription is sent until it has caught up, and what it is sent afterwards; a place in events looked at. */
class Transcript {
  readonly messages: string[] = [];
  private waiting: (() => void)[] = [];

  constructor(
    private readonly call: ReturnType<InstanceType<typeof streamsServices.StreamsClient>['read']>,
    placeName: (commit: bigint, prepare: bigint) => string,
  ) {
    call.on('data', (message: streams.ReadResp) => {
      const { event, checkpoint } = message.toObject();
      if (event?.event) this.messages.push(`event ${placeName(BigInt(event.event.commitPosition), -1n)}`);
      if (checkpoint) {
        const { commitPosition, preparePosition } = checkpoint;
        this.messages.push(`checkpoint ${placeName(BigInt(commitPosition), BigInt(preparePosition))}`);
      }
      if (message.hasCaughtUp()) this.messages.push('caught up');
      for (const wake of this.waiting.splice(0)) wake();
    });
    call.on('error', (error) => {
      this.messages.push(`error ${error.message}`);
      for (const wake of this.waiting.splice(0)) wake();
    });
  }

  async until(condition: (messages: readonly string[]) => boolean): Promise<string[]> {
    while (!condition(this.messages)) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.messages;
  }

  cancel(): void {
    this.call.cancel();
  }
}

/** A server of a version whose log is the server's own first event and `foreign` events of others. */
async function withLog(
  version: string,
  foreign: number,
  use: (log: {
    append(category: string, count: number): Promise<void>;
    subscribe(after: Place, filter?: LogFilter): Transcript;
    read(...request: Parameters<typeof logRead>): Promise<string>;
    server: WireServer;
  }) => Promise<void>,
): Promise<void> {
  const server = await new WireServer({ version, maxAppendSize: 8 * 1024 * 1024 }).start();
  const store = openEventStoreDb({ connectionString: server.connectionString });
  const client = new streamsServices.StreamsClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
  const transcripts: Transcript[] = [];
  const { log } = server.context;
  const placeName = (commit: bigint, prepare: bigint): string => {
    if (commit === absurd) return '2^64-1';
    const index = log.indexAt(Number(commit));
    return prepare === 0n ? `${index}/0` : `${index}`;
  };
  const append = async (category: string, count: number): Promise<void> => {
    for (let left = count; left > 0; left -= 1000) {
      await store.append(`${category}-${crypto.randomUUID()}`, 'none', newEvents(Math.min(left, 1000)));
    }
  };
  const subscribe = (after: Place, filter = ours): Transcript => {
    const transcript = new Transcript(client.read(logSubscription(after, filter)), placeName);
    transcripts.push(transcript);
    return transcript;
  };
  const read = (...request: Parameters<typeof logRead>): Promise<string> =>
    new Promise((resolve) => {
      let events = 0;
      client
        .read(logRead(...request))
        .on('data', () => {
          events += 1;
        })
        .on('end', () => resolve(`${events} events`))
        .on('error', (error) => resolve(error.message));
    });
  try {
    await append('foreign', foreign);
    await use({ append, subscribe, read, server });
  } finally {
    for (const transcript of transcripts) transcript.cancel();
    await store.close();
    client.close();
    server.stop();
  }
}

const caughtUp = (messages: readonly string[]): boolean => messages.includes('caught up');

/** As read off EventStoreDB 23.10.6 and 24.6.0; 25.0.0 and 24.10.14 as their source says. */
describe.each([
  { version: '23.10.6', atEnd: [], whenEmpty: [], liveAt: 6_000 },
  { version: '24.6.0', atEnd: [], whenEmpty: ['checkpoint 2^64-1'], liveAt: 7_001 },
  { version: '24.10.14', atEnd: ['checkpoint 5000/0'], whenEmpty: ['checkpoint 0/0'], liveAt: 7_001 },
])('a filtered subscription of $version', ({ version, atEnd, whenEmpty, liveAt }) => {
  it('gets checkpoints a page behind, one at the end if the version sends it, and live ones at events', () =>
    withLog(version, 5_000, async ({ append, subscribe }) => {
      const transcript = subscribe('start');
      await transcript.until(caughtUp);
      const whileCatchingUp = ['checkpoint 1500/0', 'checkpoint 3500/0', ...atEnd, 'caught up'];
      expect(transcript.messages).toEqual(whileCatchingUp);
      await append('foreign', 2_500);
      await append('ours', 1);
      await transcript.until((messages) => messages.some((message) => message.startsWith('event')));
      expect(transcript.messages.slice(whileCatchingUp.length)).toEqual([
        `checkpoint ${liveAt - 1}`,
        'event 7501',
      ]);
    }));

  it('from the start of a log without a match', () =>
    withLog(version, 3, async ({ append, subscribe }) => {
      const transcript = subscribe('start');
      await transcript.until(caughtUp);
      expect(transcript.messages).toEqual([...whenEmpty, 'caught up']);
      await append('foreign', 2_500);
      await append('ours', 1);
      await transcript.until((messages) => messages.some((message) => message.startsWith('event')));
      // Once a server has named the end of all places, it leaves out every later checkpoint.
      const later = whenEmpty.includes('checkpoint 2^64-1') ? 0 : 1;
      expect(transcript.messages).toHaveLength(whenEmpty.length + 1 + later + 1);
    }));
});

describe('a subscription behind a place', () => {
  it.each([
    ['23.10.6', []],
    ['24.6.0', ['event 2']],
  ])('of %s with prepare position 0 or where no event is', (version, expected) =>
    withLog(version, 1, async ({ append, subscribe, server }) => {
      await append('ours', 1);
      const [commit] = server.context.log.records.slice(2).map(({ position }) => `${position}`);
      const transcript = subscribe({ commit: commit ?? '', prepare: '0' });
      await transcript.until(caughtUp);
      expect(transcript.messages.filter((message) => message.startsWith('event'))).toEqual(expected);
    }),
  );
});

describe('a position at which no record begins', () => {
  it.each([
    ['23.10.6', 'Error'],
    ['24.6.0', 'InvalidPosition'],
  ])('is refused by reads of %s; forwards, one behind the log is empty', (version, result) =>
    withLog(version, 2, async ({ read, server }) => {
      const at = (position: number) => ({ commit: `${position}`, prepare: `${position}` });
      const inside = at((server.context.log.records.at(-1)?.position ?? 0) + 1);
      const behind = at(server.context.log.endPosition + 1);
      expect(await read(inside, 'forwards', 1, { kind: 'all' })).toContain(`ReadAllResult: ${result}`);
      expect(await read(inside, 'backwards', 1, { kind: 'all' })).toContain(`ReadAllResult: ${result}`);
      expect(await read(behind, 'forwards', 1, { kind: 'all' })).toBe('0 events');
      expect(await read(behind, 'backwards', 1, { kind: 'all' })).toContain('ReadAllResult: Error');
    }),
  );
});
