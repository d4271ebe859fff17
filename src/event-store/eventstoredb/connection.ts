import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '../port.js';
import { backoffMs } from './backoff.js';
import { type FirstUse, Link } from './link.js';
import type { Target } from './target.js';

/**
 * Keeps one {@link Link} at a time and replaces it when it is given up. Reports an outage in two lines, one at its
 * beginning and one at its end, however many calls it breaks.
 */
export class Connection {
  private link: Link | undefined;
  private opening: Promise<Link> | undefined;
  private failures = 0;
  private lostAtMs: number | undefined;
  private isClosed = false;

  /**
   * @param warn Called when the connection is lost, with the reason, and when it is back, with duration and node.
   * @param firstUse Runs on each new connection before anything else.
   */
  constructor(
    private readonly target: Target,
    private readonly warn: (message: string) => void,
    private readonly firstUse?: FirstUse,
  ) {
    this.link = this.newLink();
  }

  /** The connection to use; after failures, once it is time for another try. @throws {StoreUnavailable} when closed. */
  async current(): Promise<Link> {
    if (this.isClosed) throw new StoreUnavailable('the event store is closed');
    if (this.link !== undefined) return this.link;
    this.opening ??= this.reopen().finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  /** Call it when a link has answered: the next failure then counts as the first one again. */
  worked(link: Link): void {
    if (link !== this.link) return;
    this.failures = 0;
    this.reportBack(link);
  }

  /** Gives a link up. Its open calls fail; callers get the next link from {@link current}. */
  retire(link: Link, reason: string): void {
    if (link.isRetired) return;
    link.retire(reason);
    if (link !== this.link || this.isClosed) return;
    this.failures += 1;
    this.link = undefined;
    if (this.lostAtMs !== undefined) return;
    this.lostAtMs = performance.now();
    const lost = link.hasConnected ? `lost EventStoreDB (${link.node})` : 'cannot reach EventStoreDB';
    this.warn(`${lost}: ${reason}`);
  }

  /** Gives up the link for good. */
  close(): void {
    this.isClosed = true;
    this.link?.retire('the event store is closed');
  }

  private async reopen(): Promise<Link> {
    // The first retry does not wait: usually one node has failed and another is available.
    if (this.failures > 1) await sleep(backoffMs(this.failures - 1, 50, 1_000));
    if (this.isClosed) throw new StoreUnavailable('the event store is closed');
    const link = this.newLink();
    this.link = link;
    return link;
  }

  private newLink(): Link {
    return new Link(this.target, (link) => this.reportBack(link), this.firstUse);
  }

  private reportBack(link: Link): void {
    if (link !== this.link || this.lostAtMs === undefined) return;
    const seconds = (performance.now() - this.lostAtMs) / 1_000;
    this.lostAtMs = undefined;
    this.warn(`EventStoreDB is back after ${seconds.toFixed(1)} s (${link.node})`);
  }
}
