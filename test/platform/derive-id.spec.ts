import { z } from 'zod';
import { deriveId } from '../../src/platform/derive-id.js';

describe('deriveId', () => {
  it('gives the same parts the same id for ever: derived ids are stored', () => {
    expect(deriveId('token', 'mina', 0)).toBe('b52c5ccb-7032-555f-b91b-9f8b2f65bdb0');
  });

  it('is a UUID of version 5', () => {
    expect(z.uuid({ version: 'v5' }).safeParse(deriveId('anything')).success).toBe(true);
  });

  it('gives different ids to parts that only look alike when joined', () => {
    const ids = [['a', 'b'], ['ab', ''], ['ab'], ['', 'ab'], ['a', 'b', ''], ['1:a', 'b'], ['b', 'a']];
    expect(new Set(ids.map((parts) => deriveId(...parts))).size).toBe(ids.length);
  });
});
