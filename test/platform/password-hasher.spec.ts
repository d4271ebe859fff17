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
