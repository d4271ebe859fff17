/** The real server for the hold benchmark, in a process of its own. Passwords are hashed cheaply: not measured. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
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

// Asked for the longest time that its event loop was kept since it was asked last.
const loopDelay = monitorEventLoopDelay({ resolution: 5 });
loopDelay.enable();
process.on('message', (message) => {
  if (message !== 'longest stall') return;
  process.send?.({ longestStallMs: loopDelay.max / 1e6 });
  loopDelay.reset();
});
// The channel alone must not keep the process alive.
process.channel?.unref();
