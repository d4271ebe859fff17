import { z } from 'zod';
import {
  chargeIdSchema,
  paymentIdSchema,
  scheduleIdSchema,
  seatIdSchema,
  toInstant,
  userIdSchema,
} from '../../src/events/ids.js';
import {
  allEventDefinitions,
  type DomainEvent,
  decodeEvent,
  encodeEvent,
  eventsByCategory,
  verifyEvent,
} from '../../src/events/registry.js';
import { categoryOf, streams } from '../../src/events/streams.js';
import { deriveId } from '../../src/platform/derive-id.js';

const userId = userIdSchema.parse(deriveId('user'));
const chargeId = chargeIdSchema.parse(deriveId('charge'));
const charged: DomainEvent = { type: 'PointsCharged', data: { userId, chargeId, amount: 5, balance: 5 } };
const metadata = {
  commandId: deriveId('command'),
  correlationId: 'c',
  causationId: 'c',
  actor: { kind: 'user', userId },
  occurredAt: toInstant(0),
} as const;

describe('the event registry', () => {
  it('knows every event type of every category, each under one name only', () => {
    const declared = Object.values(eventsByCategory).flatMap((events) => Object.entries(events));
    for (const [key, { type }] of declared) expect(type).toBe(key);
    const types = declared.map(([, { type }]) => type);
    expect(new Set(types).size).toBe(types.length);
    expect(
      allEventDefinitions()
        .map(({ type }) => type)
        .sort(),
    ).toEqual(types.sort());
  });

  it('marks as personal only fields that the event has', () => {
    for (const { type, schema, personal } of allEventDefinitions()) {
      const fields = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
      for (const field of personal) expect(`${type}: ${fields}`).toContain(field);
    }
  });
});

describe('encodeEvent', () => {
  it('adds the version of the data to the metadata', () => {
    const encoded = encodeEvent(charged, metadata);
    expect(encoded).toEqual({ ...charged, metadata: { ...metadata, schemaVersion: 1 } });
  });

  it('refuses data that does not fit its schema', () => {
    const negative: DomainEvent = { ...charged, data: { ...charged.data, amount: -5 } };
    expect(() => encodeEvent(negative, metadata)).toThrow(z.ZodError);
  });

  it('writes no field that the schema does not know', () => {
    const padded = { ...charged, data: { ...charged.data, password: 'secret' } };
    expect(encodeEvent(padded, metadata).data).toEqual(charged.data);
  });
});

describe('decodeEvent', () => {
  it('reads back what was encoded', () => {
    expect(decodeEvent(encodeEvent(charged, metadata))).toEqual(charged);
  });

  it('refuses a type it does not know', () => {
    const unknown = { ...encodeEvent(charged, metadata), type: 'PointsStolen' };
    expect(() => decodeEvent(unknown)).toThrow('unknown event type PointsStolen');
  });

  it('refuses a version newer than this build, and says what to do', () => {
    const newer = { ...encodeEvent(charged, metadata), metadata: { ...metadata, schemaVersion: 2 } };
    expect(() => decodeEvent(newer)).toThrow('upgrade it first');
  });

  it('refuses an old version that no upcaster lifts', () => {
    const older = { ...encodeEvent(charged, metadata), metadata: { ...metadata, schemaVersion: 0 } };
    expect(() => decodeEvent(older)).toThrow('no upcaster lifts PointsCharged from version 0');
  });
});

describe('verifyEvent', () => {
  it('accepts what was encoded', () => {
    expect(verifyEvent(encodeEvent(charged, metadata))).toEqual(charged);
  });

  it('refuses data and metadata that were tampered with', () => {
    const encoded = encodeEvent(charged, metadata);
    expect(() => verifyEvent({ ...encoded, data: { ...charged.data, balance: 1.5 } })).toThrow(z.ZodError);
    const nobody = { ...encoded.metadata, actor: { kind: 'nobody' } };
    expect(() => verifyEvent({ ...encoded, metadata: nobody })).toThrow(z.ZodError);
  });
});

describe('ids and streams', () => {
  it('names each stream by its category, also when the id has hyphens', () => {
    expect(categoryOf(streams.wallet(userId))).toBe('wallet');
    const seat = streams.seat(scheduleIdSchema.parse(deriveId('s')), seatIdSchema.parse('A-1'));
    expect(categoryOf(seat)).toBe('seat');
    expect(seat.endsWith('.A-1')).toBe(true);
  });

  it.each(['', ' A-1', 'A-1 ', 'A\n1', 'A\u00001', 'x'.repeat(65)])('refuses the seat id %j', (text) => {
    expect(seatIdSchema.safeParse(text).success).toBe(false);
  });

  it.each(['A', 'A 1', '나열-12', 'Balcony, row A-1'])('accepts the seat id %j', (text) => {
    expect(seatIdSchema.safeParse(text).success).toBe(true);
  });

  it('refuses empty payment ids and ids that are no UUIDs', () => {
    expect(paymentIdSchema.safeParse('').success).toBe(false);
    expect(userIdSchema.safeParse('mina').success).toBe(false);
  });
});
