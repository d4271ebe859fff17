import { hash } from '@node-rs/argon2';
import { HasherBusy, PasswordHasher } from '../../src/platform/password-hasher.js';

describe('PasswordHasher', () => {
  it('writes argon2id with the recommended costs, salted', async () => {
    const hasher = new PasswordHasher();
    const [one, two] = await Promise.all([hasher.hash('password'), hasher.hash('password')]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
  });

  it('accepts only the right password, and no password for an unknown user', async () => {
    const hasher = new PasswordHasher();
    const hash = await hasher.hash('password');
    expect(await hasher.verify(hash, 'password')).toBe(true);
    expect(await hasher.verify(hash, 'Password')).toBe(false);
    expect(await hasher.verify(undefined, 'nobody has this password')).toBe(false);
  });

  it('takes a password in whichever Unicode form it is typed', async () => {
    const hasher = new PasswordHasher();
    const [composed, decomposed] = ['비밀번호 é', '비밀번호 é'.normalize('NFD')];
    expect(composed).not.toBe(decomposed);
    const ofMac = await hasher.hash(decomposed);
    expect(await hasher.verify(ofMac, composed)).toBe(true);
    expect(await hasher.verify(await hasher.hash(composed), decomposed)).toBe(true);
    // As an earlier version hashed it: as it was typed.
    const before = await hash(decomposed, { memoryCost: 8, timeCost: 1 });
    expect(await hasher.verify(before, decomposed)).toBe(true);
    expect(await hasher.verify(before, `${decomposed}!`)).toBe(false);
  });

  it('refuses work when too much waits, and continues with what waits', async () => {
    const hasher = new PasswordHasher(1, 1);
    const accepted = [hasher.hash('first'), hasher.hash('second')];
    await expect(hasher.hash('third')).rejects.toThrow(HasherBusy);
    expect(await Promise.all(accepted)).toHaveLength(2);
    expect(await hasher.hash('fourth')).toMatch(/^\$argon2id/);
  });

  it('runs the next one when the work fails', async () => {
    const hasher = new PasswordHasher(1, 5);
    const failed = hasher.verify('not a hash', 'password');
    const next = hasher.hash('next');
    await expect(failed).rejects.toThrow();
    expect(await next).toMatch(/^\$argon2id/);
  });
});
