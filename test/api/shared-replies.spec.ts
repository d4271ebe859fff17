import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { defaultApiSettings } from '../../src/api/api-settings.js';
import type { Position } from '../../src/event-store/port.js';
import { venueIdSchema } from '../../src/events/ids.js';
import type { VenueReply } from '../../src/queries/replies/catalog.js';
import type { Language } from '../../src/queries/replies/reply.js';
import { type ApiUnderTest, startApi, userId } from './api-under-test.js';

const venueId = venueIdSchema.parse('12121212-1212-4212-8212-121212121212');
const otherId = venueIdSchema.parse('34343434-3434-4434-8434-343434343434');
const url = `/v1/venues/${venueId}`;
/** Longer than any test. */
const forLong = { sharedReplies: { ...defaultApiSettings.sharedReplies, freshForMs: 3_600_000 } };

function venueNamed(name: string): VenueReply {
  return {
    venueId,
    name,
    names: {},
    location: 'Seoul',
    timeZone: 'Asia/Seoul',
    capacity: 0,
    seatCount: 0,
    sections: [],
    focus: null,
    decorations: [],
  };
}

describe('a reply that is the same for everybody', () => {
  let api: ApiUnderTest;
  let asked: (Language | null)[];
  let answer: (language: Language | null) => Promise<VenueReply | null>;

  const start = async (settings = forLong) => {
    asked = [];
    answer = async (language) => venueNamed(`hall ${language} ${asked.length}`);
    const venue = (_: unknown, language: Language | null = null) => {
      asked.push(language);
      return answer(language);
    };
    api = await startApi({ settings, reads: { venue } });
  };
  beforeEach(() => start());
  afterEach(() => api.app.close());

  const get = (headers: Record<string, string> = {}, path = url) => api.app.inject({ url: path, headers });

  it('is made once and sent to all who ask in the same language', async () => {
    const replies = [await get(), await get(), await get({ 'accept-language': 'ko' })];
    expect(replies.map((reply) => reply.json().name)).toEqual(['hall null 1', 'hall null 1', 'hall ko 2']);
    expect(asked).toEqual([null, 'ko']);
  });

  it('is made once for those who ask at the same time', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    answer = async () => {
      await released;
      return venueNamed('one hall');
    };
    const asking = Promise.all(Array.from({ length: 50 }, () => get()));
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    release();
    const replies = await asking;
    expect(new Set(replies.map(({ body }) => body)).size).toBe(1);
    expect(asked).toHaveLength(1);
  });

  it('is made anew when it is no longer fresh', async () => {
    await api.app.close();
    await start({ sharedReplies: { ...forLong.sharedReplies, freshForMs: 0 } });
    expect((await get()).json().name).toBe('hall null 1');
    expect((await get()).json().name).toBe('hall null 2');
  });

  it('is made anew for a read of a position that it is older than', async () => {
    await get();
    expect((await get({ 'x-wait-for-position': '1000000' })).json().name).toBe('hall null 1');
    api.position.at = 1_000_007 as Position; // a test's own position
    expect((await get({ 'x-wait-for-position': '1000007' })).json().name).toBe('hall null 2');
    expect((await get()).json().name).toBe('hall null 2');
  });

  it('still has the named position checked', async () => {
    await get();
    expect((await get({ 'x-wait-for-position': 'soon' })).statusCode).toBe(400);
    expect((await get({ 'x-wait-for-position': '1000001' })).statusCode).toBe(503);
  });

  it('is not sent to a client that has it, in whichever encoding', async () => {
    answer = async () => venueNamed('h'.repeat(2_000));
    const plain = await get();
    const br = await get({ 'accept-encoding': 'br' });
    expect(plain.headers.etag).not.toBe(br.headers.etag);
    const [tag, brTag] = [plain.headers.etag, br.headers.etag];
    for (const known of [`"other", ${tag}`, `${brTag}, "other"`, `W/${tag}`, '*']) {
      const again = await get({ 'if-none-match': known });
      expect([again.statusCode, again.body, again.headers['content-type']]).toEqual([304, '', undefined]);
      expect(again.headers['cache-control']).toBe('public, max-age=0, s-maxage=1');
    }
    expect((await get({ 'if-none-match': '"other"' })).statusCode).toBe(200);
  });

  it('gets another tag when it says something else', async () => {
    const first = await get();
    api.position.at = 1_000_007 as Position; // a test's own position
    const second = await get({
      'x-wait-for-position': '1000007',
      'if-none-match': String(first.headers.etag),
    });
    expect(second.statusCode).toBe(200);
    expect(second.headers.etag).not.toBe(first.headers.etag);
  });

  it('is compressed once it is larger than a packet, in the encoding that is accepted', async () => {
    answer = async () => venueNamed('h'.repeat(2_000));
    const plain = await get();
    const br = await get({ 'accept-encoding': 'gzip;q=0.5, br' });
    const gzip = await get({ 'accept-encoding': 'gzip' });
    expect([br.headers['content-encoding'], gzip.headers['content-encoding']]).toEqual(['br', 'gzip']);
    expect(brotliDecompressSync(br.rawPayload).toString()).toBe(plain.body);
    expect(gunzipSync(gzip.rawPayload).toString()).toBe(plain.body);
    expect(Number(br.headers['content-length'])).toBe(br.rawPayload.length);
    expect(plain.headers.vary).toBe('Accept-Language, Accept-Encoding, X-Wait-For-Position');
    const refused = await get({ 'accept-encoding': 'br;q=0' });
    expect(refused.headers['content-encoding']).toBeUndefined();
  });

  it('is not compressed when it is small', async () => {
    const small = await get({ 'accept-encoding': 'br' });
    expect([small.headers['content-encoding'], small.json().name]).toEqual([undefined, 'hall null 1']);
  });

  it('is not shared when it is a refusal', async () => {
    answer = async () => null;
    expect((await get()).statusCode).toBe(404);
    answer = async () => venueNamed('found');
    expect((await get()).json().name).toBe('found');
  });

  it('is asked for by each when the first one fails', async () => {
    answer = async () => {
      if (asked.length === 1) throw new Error('the tables are gone');
      return venueNamed('found');
    };
    const replies = await Promise.all([get(), get(), get()]);
    expect(replies.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 500]);
  });

  it('makes room for others within its bytes', async () => {
    await api.app.close();
    await start({ sharedReplies: { freshForMs: 3_600_000, maxBytes: 700 } });
    await get();
    await get({}, `/v1/venues/${otherId}`);
    await get();
    expect(asked).toHaveLength(3);
  });
});

describe('a reply to one fan', () => {
  it('is compressed when it is large, and kept by nobody', async () => {
    const at = '2026-11-22T09:00:00.000Z';
    const user = async () => ({
      userId,
      loginId: 'fan',
      username: 'F'.repeat(2_000),
      name: 'Fan',
      createdAt: at,
      updatedAt: at,
    });
    // Instants are branded strings.
    const api = await startApi({ reads: { user: user as never } });
    try {
      const ask = (headers: Record<string, string>) =>
        api.app.inject({ url: '/v1/me', headers: { ...api.accessHeaders(), ...headers } });
      const plain = await ask({});
      const br = await ask({ 'accept-encoding': 'br' });
      expect(brotliDecompressSync(br.rawPayload).toString()).toBe(plain.body);
      expect([br.headers.etag, br.headers['cache-control']]).toEqual([undefined, 'no-store']);
      expect(br.headers.vary).toContain('Accept-Encoding');
    } finally {
      await api.app.close();
    }
  });
});
