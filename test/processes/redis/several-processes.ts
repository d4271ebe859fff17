import { type HoldId, holdIdSchema, toInstant, tokenIdSchema } from '../../../src/events/ids.js';
import { systemClock } from '../../../src/platform/clock.js';
import { deriveId } from '../../../src/platform/derive-id.js';
import { RedisLink } from '../../../src/platform/redis.js';
import { BullTimers } from '../../../src/processes/redis/bull-timers.js';
import type { Deadline } from '../../../src/processes/timers.js';
import { RecordedLog } from '../support.js';

const tokenId = tokenIdSchema.parse(deriveId('a token'));

/** A hold's deadline, `offsetMs` from now. */
export function holdDeadline(name: string | number, offsetMs: number): Deadline & { kind: 'hold' } {
  const holdId: HoldId = holdIdSchema.parse(deriveId('hold', name));
  return { kind: 'hold', tokenId, holdId, dueAt: toInstant(Date.now() + offsetMs) };
}

/** Short, so that a test sees what otherwise takes seconds. */
const settings = { lockMs: 1_000, stalledCheckMs: 500, stopTimeoutMs: 2_000 };
const linkOptions = { timeoutMs: 1_000, restMs: 50 };

/** One process's share: its link and its timers. */
export interface Share {
  readonly link: RedisLink;
  readonly timers: BullTimers;
  readonly log: RecordedLog;
  /** What it was called for, in order. */
  readonly due: Deadline[];
}

/** Processes of one installation, which a test ends all together. */
export class Installation {
  readonly #shares: Share[] = [];
  static #made = 0;
  readonly prefix = `test-${process.pid}-${Installation.#made++}`;

  constructor(private readonly url: string) {}

  /** @param act what happens at a deadline, before it counts as acted on. */
  async join(act: (deadline: Deadline) => Promise<void> = async () => undefined): Promise<Share> {
    const share = this.prepare();
    await share.timers.start(async (deadline) => {
      await act(deadline);
      share.due.push(deadline);
    });
    await share.link.waitUntilReady(5_000);
    return share;
  }

  /** A process that schedules, but acts on nothing yet. */
  prepare(): Share {
    const log = new RecordedLog();
    const link = new RedisLink(this.url, log, { ...linkOptions, prefix: this.prefix });
    const share = { link, timers: new BullTimers(link, systemClock, log, settings), log, due: [] };
    this.#shares.push(share);
    return share;
  }

  /** Everything any of them was called for. */
  get due(): Deadline[] {
    return this.#shares.flatMap(({ due }) => due);
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#shares.splice(0).map(async ({ timers, link }) => {
        await timers.stop();
        link.close();
      }),
    );
  }
}

/** How often each hold was acted on. */
export function timesActedOn(due: readonly Deadline[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const deadline of due) {
    const name = deadline.kind === 'hold' ? deadline.holdId : deadline.kind;
    times.set(name, (times.get(name) ?? 0) + 1);
  }
  return times;
}
