// A process of the office in whatever role the environment gives it, with passwords hashed cheaply.
import { startBoxoffice } from '../../dist/app/boxoffice.js';
import { readConfig } from '../../dist/platform/config.js';
import { PasswordHasher } from '../../dist/platform/password-hasher.js';
import { MysqlSession } from '../../dist/projections/mysql/session.js';
import { dieAtCommit, haltingStore, waitingStore } from './moments.mjs';

class CheapHasher extends PasswordHasher {
  async hash(password) {
    return `cheap ${password}`;
  }
  async verify(passwordHash, password) {
    return passwordHash === `cheap ${password}`;
  }
}

const { HALT_AT = '', READS_WAIT_WHILE, DIE_AT_COMMIT } = process.env;
const [halting, waiting] = [haltingStore(HALT_AT), waitingStore(READS_WAIT_WHILE)];
// With a store of ours the projections run in this thread, where they can be halted too.
const isHalting = HALT_AT !== '' || READS_WAIT_WHILE || DIE_AT_COMMIT;
const running = await startBoxoffice(readConfig(process.env), {
  hasher: new CheapHasher(),
  ...(isHalting && { wrapStore: (store) => halting(waiting(store)) }),
});
process.once('SIGTERM', () => running.close());
console.log(JSON.stringify({ url: running.url, paymentUrl: running.paymentUrl }));
if (DIE_AT_COMMIT) dieAtCommit(DIE_AT_COMMIT, MysqlSession);
