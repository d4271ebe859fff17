import { randomUUID } from 'node:crypto';
import {
  ANY,
  type AppendExpectedRevision,
  BACKWARDS,
  binaryEvent,
  jsonEvent,
  MaxAppendSizeExceededError,
  NO_STREAM,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { all, serverAndClient } from './opened-client.js';

const event = (n: number) => jsonEvent({ type: 'Noted', data: { n } });

describe.each([
  ['BatchAppend', true],
  ['Append', false],
])('%s', (method, hasBatchAppend) => {
  const { server, client } = serverAndClient({ hasBatchAppend });
  const append = (
    stream: string,
    events: ReturnType<typeof event>[],
    expectedRevision: AppendExpectedRevision,
  ) => client().appendToStream(stream, events, { expectedRevision });
  const refusal = (stream: string, expectedRevision: AppendExpectedRevision) =>
    append(stream, [event(9)], expectedRevision).catch((error) => error);

  it('is what the client calls, having asked what the server can do', async () => {
    await append(`note-${randomUUID()}`, [event(0)], ANY);
    expect(server().context.calls.slice(0, 2)).toEqual(['GetSupportedMethods', method]);
  });

  it('takes every right expected version', async () => {
    const stream = `note-${randomUUID()}`;
    const first = await append(stream, [event(0), event(1)], NO_STREAM);
    expect(first).toMatchObject({ success: true, nextExpectedRevision: 1n });
    const second = await append(stream, [event(2)], 1n);
    expect(second.nextExpectedRevision).toBe(2n);
    expect(second.position?.commit).toBeGreaterThan(first.position?.commit ?? 0n);
    expect(await append(stream, [event(3)], STREAM_EXISTS)).toMatchObject({ nextExpectedRevision: 3n });
    expect(await append(stream, [event(4)], ANY)).toMatchObject({ nextExpectedRevision: 4n });
    const read = await all(client().readStream<ReturnType<typeof event>>(stream));
    expect(read.map(({ event: recorded }) => recorded?.data.n)).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses every wrong expected version, saying where the stream is', async () => {
    const stream = `note-${randomUUID()}`;
    for (const expected of [STREAM_EXISTS, 3n] as const) {
      const error = await refusal(stream, expected);
      expect(error).toBeInstanceOf(WrongExpectedVersionError);
      expect(error).toMatchObject({
        streamName: stream,
        expectedVersion: expected,
        actualVersion: 'no_stream',
      });
    }
    await append(stream, [event(0), event(1)], NO_STREAM);
    for (const expected of [NO_STREAM, 0n, 7n] as const) {
      expect(await refusal(stream, expected)).toMatchObject({ expectedVersion: expected, actualVersion: 1n });
    }
  });

  it('of racing writers lets exactly one win', async () => {
    const stream = `note-${randomUUID()}`;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => append(stream, [event(n)], NO_STREAM)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('answers a repeated append with the result of the first one', async () => {
    const stream = `note-${randomUUID()}`;
    const events = [event(1), event(2)];
    const { nextExpectedRevision, position } = await append(stream, events, NO_STREAM);
    await append(stream, [event(3)], 1n);
    for (const expected of [NO_STREAM, ANY, STREAM_EXISTS] as const) {
      expect(await append(stream, events, expected)).toMatchObject({ nextExpectedRevision, position });
    }
    await append(`${stream}-other`, events, ANY);
    expect(await all(client().readStream(stream))).toHaveLength(3);
  });

  it('refuses events of which only some are there', async () => {
    const stream = `note-${randomUUID()}`;
    const [first, second] = [event(1), event(2)];
    await append(stream, [first, second], NO_STREAM);
    for (const events of [
      [first, event(9)],
      [event(9), second],
      [first, second, event(9)],
    ]) {
      await expect(append(stream, events, NO_STREAM)).rejects.toBeInstanceOf(WrongExpectedVersionError);
    }
    await expect(append(stream, [first, event(9)], ANY)).rejects.toBeInstanceOf(WrongExpectedVersionError);
    expect(await all(client().readStream(stream))).toHaveLength(2);
  });

  it('takes 1 MiB and no more, all events of the append together', async () => {
    const stream = `note-${randomUUID()}`;
    const half = () => binaryEvent({ type: 'Big', data: new Uint8Array(512 * 1024 - 6) });
    await client().appendToStream(stream, [half(), half()]);
    const over = binaryEvent({ type: 'Big', data: new Uint8Array(512 * 1024 - 5) });
    const refused = client().appendToStream(stream, [half(), over]);
    await expect(refused).rejects.toBeInstanceOf(MaxAppendSizeExceededError);
    await expect(refused).rejects.toMatchObject({ maxAppendSize: 1024 * 1024 });
    expect(await all(client().readStream(stream))).toHaveLength(2);
  });

  it('opens a deleted stream again behind its old events, and never a tombstoned one', async () => {
    const stream = `note-${randomUUID()}`;
    await append(stream, [event(0), event(1)], NO_STREAM);
    await expect(client().deleteStream(stream, { expectedRevision: 0n })).rejects.toMatchObject({
      actualVersion: 1n,
    });
    await client().deleteStream(stream, { expectedRevision: 1n });
    await expect(all(client().readStream(stream))).rejects.toBeInstanceOf(StreamNotFoundError);
    expect(await append(stream, [event(2)], NO_STREAM)).toMatchObject({ nextExpectedRevision: 2n });
    const [visible] = await all(client().readStream(stream, { direction: BACKWARDS, fromRevision: 'end' }));
    expect(visible?.event?.revision).toBe(2n);
    await client().tombstoneStream(stream);
    await expect(append(stream, [event(3)], ANY)).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(all(client().readStream(stream))).rejects.toBeInstanceOf(StreamDeletedError);
  });
});
