import type { Terminal } from '../terminal.js';
import { ApiClient } from './api-client.js';
import { Doors, gatherFans, playFans } from './crowd.js';
import type { DemoServer } from './own-server.js';
import { pickPerformance } from './pick-performance.js';
import { Progress } from './progress.js';
import { type DemoSummary, summarise } from './summary.js';
import { Tally } from './tally.js';
import { type AuditVerdict, askAudit, checkReservations } from './verdict.js';

export interface DemoOptions {
  readonly fans: number;
  readonly seed: number;
  readonly performanceId: string | undefined;
}

/**
 * Plays an on-sale against a server through its public API, and checks what came of it.
 * @param signal ends the play; the summary then tells what happened so far.
 */
export async function playDemo(
  server: Pick<DemoServer, 'url' | 'adminKey'>,
  options: DemoOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<DemoSummary> {
  const tally = new Tally();
  const progress = new Progress(terminal, tally, options.fans);
  const doors = new Doors(options.fans);
  let isLimited = false;
  const onLimited = (seconds: number) => {
    if (isLimited) return;
    isLimited = true;
    progress.note(
      `the server limits log-ins: waiting ${seconds} s now and then. For a rush all at once start it with RATE_LIMIT_LOGIN_PER_MINUTE=0.`,
    );
    doors.open();
  };
  const api = new ApiClient(server.url, { tally, signal, onLimited });
  const performance = await pickPerformance(api, options.performanceId);
  progress.note(
    `${options.fans} fans want to see ${performance.name} (${performance.schedules.length} dates)`,
  );
  const fans = gatherFans(options.fans, options.seed, { api, performance, tally });
  const startedAtMs = Date.now();
  signal.addEventListener('abort', () => doors.open(), { once: true });
  progress.start();
  await playFans(fans, doors, tally, signal);
  progress.stop();
  const seconds = (Date.now() - startedAtMs) / 1000;
  const isInterrupted = signal.aborted;
  const interrupted: AuditVerdict = { kind: 'not asked', why: 'the demo was interrupted' };
  return summarise(tally, {
    isInterrupted,
    server: server.url,
    performance: performance.name,
    fans: options.fans,
    seed: options.seed,
    seconds,
    reservations: isInterrupted ? null : await checkReservations(fans, tally),
    audit: isInterrupted ? interrupted : await askAudit(api, server.adminKey),
  });
}
