/** The real server for the hold benchmark, in a process of its own. Passwords are hashed cheaply: not measured. */
import { startBoxoffice } from '../../src/app/boxoffice.js';
import { readConfig } from '../../src/platform/config.js';
import { PasswordHasher } from '../../src/platform/password-hasher.js';

class CheapHasher extends PasswordHasher {
  override async hash(password: string): Promise<string> {
    return `cheap ${password}`;
  }
  override async verify(passwordHash: string | undefined, password: string): Promise<boolean> {
    return passwordHash === `cheap ${password}`;
  }
}

const running = await startBoxoffice(readConfig(process.env), { hasher: new CheapHasher() });
process.once('SIGTERM', () => running.close());
process.send?.({ url: running.url });
