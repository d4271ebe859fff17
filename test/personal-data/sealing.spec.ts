import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { isSealed, openField, sealField } from '../../src/personal-data/sealing.js';
import { newUserId } from './new-user.js';

const key = randomBytes(32);
const place = { type: 'UserRegistered', field: 'name', userId: newUserId() };

describe('a sealed field', () => {
  it('opens to what was sealed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const sealed: unknown = JSON.parse(JSON.stringify(sealField(key, name, place)));
        if (!isSealed(sealed)) throw new Error('not recognised');
        expect(openField(key, sealed, place)).toEqual({ value: name });
        expect(JSON.stringify(openField(key, sealed, place)?.value)).toBe(JSON.stringify(name));
      }),
    );
  });

  it('is another one each time', () => {
    expect(sealField(key, 'Mina', place)).not.toEqual(sealField(key, 'Mina', place));
  });

  it('does not open when any byte of it was changed or it was cut', () => {
    const sealed = sealField(key, 'Kim Mina', place);
    const box = Buffer.from(sealed.box, 'base64');
    const indexes = fc.nat({ max: box.length - 1 });
    fc.assert(
      fc.property(indexes, fc.integer({ min: 1, max: 255 }), (index, flip) => {
        const changed = Buffer.from(box);
        changed[index] = (changed[index] ?? 0) ^ flip;
        expect(openField(key, { ...sealed, box: changed.toString('base64') }, place)).toBeUndefined();
        const cut = box.subarray(0, index).toString('base64');
        expect(openField(key, { ...sealed, box: cut }, place)).toBeUndefined();
      }),
    );
  });

  it('does not open with another key, nor in another place', () => {
    const sealed = sealField(key, 'Kim Mina', place);
    expect(openField(randomBytes(32), sealed, place)).toBeUndefined();
    expect(openField(key, sealed, { ...place, field: 'username' })).toBeUndefined();
    expect(openField(key, sealed, { ...place, type: 'PasswordChanged' })).toBeUndefined();
    expect(openField(key, sealed, { ...place, userId: newUserId() })).toBeUndefined();
  });

  it('is told from every other value', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => expect(isSealed(value)).toBe(false)));
  });
});
