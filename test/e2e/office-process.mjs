// A process of the office in whatever role the environment gives it, with passwords hashed cheaply.
import { startBoxoffice } from '../../dist/boxoffice.js';
import { readConfig } from '../../dist/platform/config.js';
import { PasswordHasher } from '../../dist/platform/password-hasher.js';

class CheapHasher extends PasswordHasher {
  async hash(password) {
    return `cheap ${password}`;
  }
  async verify(passwordHash, password) {
    return passwordHash === `cheap ${password}`;
  }
}

const running = await startBoxoffice(readConfig(process.env), { hasher: new CheapHasher() });
process.once('SIGTERM', () => running.close());
console.log(JSON.stringify({ url: running.url }));
