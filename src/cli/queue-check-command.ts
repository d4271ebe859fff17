import { z } from 'zod';
import { judgeQueue, type PublishedQueue } from '../analysis/audit/queue-fairness.js';
import { type PerformanceId, performanceIdSchema } from '../events/ids.js';
import { readConfig } from '../platform/config.js';
import type { DefineCommand } from './define-command.js';
import { CliFailure, type ExitCode, exitCodes } from './exit-codes.js';
import { openLog } from './open-log.js';
import { queueFromLog } from './queue-check/from-log.js';
import { queueFromServer } from './queue-check/from-server.js';
import { describeFairness } from './queue-check/verdict-text.js';
import { parseServerUrl } from './server-address.js';
import type { Terminal } from './terminal.js';

interface Flags {
  readonly token?: string;
  readonly seedHash?: string;
  readonly server?: string;
  readonly json?: boolean;
}

/** What `boxoffice queue-check` does and takes. */
export const defineQueueCheckCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Recomputes every place of a performance’s queue from the revealed seed and checks the seed against the hash ' +
        'that was published before, and the admissions against the places. Reads the log at EVENTSTORE_URL or in ' +
        'DATA_DIR, or with --server what any visitor may read. See docs/fair-queue.md.',
    )
    .argument('<performanceId>', 'the performance')
    .option('--token <tokenId>', 'tell this token’s place')
    .option('--seed-hash <hash>', 'the hash as you noted it before the opening')
    .option('--server <url>', 'check a server from outside')
    .option('--json', 'print the verdict as JSON')
    .action(async (id: string, flags: Flags) => done(await runQueueCheck(id, flags, terminal)));
};

async function runQueueCheck(id: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const performanceId = performanceIdSchema.safeParse(id).data;
  if (performanceId === undefined) throw new CliFailure(`${id} is not the id of a performance (a UUID)`);
  const { token, seedHash } = flags;
  if (token !== undefined && !z.guid().safeParse(token).success) {
    throw new CliFailure(`--token: ${token} is not the id of a token (a UUID)`);
  }
  if (seedHash !== undefined && !/^[0-9a-f]{64}$/.test(seedHash)) {
    throw new CliFailure('--seed-hash: expected 64 hexadecimal digits');
  }
  const queue = await readQueue(performanceId, flags, terminal);
  if (terminal.isInteractive) terminal.err('\n');
  const verdict = judgeQueue(queue, { tokenId: token, seedHash });
  terminal.out(flags.json ? `${JSON.stringify(verdict, null, 2)}\n` : describeFairness(verdict, token));
  const isTokenMissing = token !== undefined && verdict.token === null;
  return verdict.fair && !isTokenMissing ? exitCodes.ok : exitCodes.failed;
}

async function readQueue(
  performanceId: PerformanceId,
  { server }: Flags,
  terminal: Terminal,
): Promise<PublishedQueue> {
  if (server !== undefined) {
    return queueFromServer(parseServerUrl(server), performanceId, progressOn(terminal, 'numbers', 1));
  }
  const store = await openLog(readConfig(terminal.env), terminal);
  try {
    return await queueFromLog(store, performanceId, progressOn(terminal, 'events', progressStep));
  } finally {
    await store.close();
  }
}

/** Events between two updates of the line that counts them. */
const progressStep = 10_000;

/** A line that counts up, for who watches. */
function progressOn(terminal: Terminal, what: string, step: number): (count: number) => void {
  return (count) => {
    if (terminal.isInteractive && count % step === 0) terminal.err(`\r${count} ${what} read`);
  };
}
