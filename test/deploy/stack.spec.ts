import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { masked } from '../../scripts/stack/members.mjs';

describe('npm run stack', () => {
  it.each([
    ['esdb://admin:secret@a:2113,b:2113?tls=true', 'esdb://admin:…@a:2113,b:2113?tls=true'],
    ['esdb+discover://admin:s%40cret@a', 'esdb+discover://admin:…@a'],
    ['mysql://boxoffice:secret@127.0.0.1:3306/x', 'mysql://boxoffice:…@127.0.0.1:3306/x'],
    ['redis://:secret@localhost:6379', 'redis://:…@localhost:6379'],
    ['rediss://secret@localhost', 'rediss://:…@localhost'],
    ['redis://user:sec:ret@x@localhost', 'redis://user:…@localhost'],
    ['esdb://127.0.0.1:2113?tls=false', 'esdb://127.0.0.1:2113?tls=false'],
  ])('shows %s without its password', (url, shown) => {
    expect(masked(url)).toBe(shown);
  });

  it('shows the URLs of its engines in no other way', () => {
    const text = readFileSync(join(__dirname, '../../scripts/stack.mjs'), 'utf8');
    for (const name of ['EVENTSTORE_URL', 'DATABASE_URL', 'REDIS_URL']) {
      const shown = text.split('\n').filter((line) => line.includes(`env.${name}`));
      expect(shown).toEqual([expect.stringContaining(`masked(env.${name})`)]);
    }
  });
});
