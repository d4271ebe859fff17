import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '../port.js';
import { backoffMs } from './backoff.js';
import { Link } from './link.js';
import type { Target } from './target.js';

/** Keeps one {@link Link} at a time, and puts a new one in the place of one that is given up. */
export class Connection {
  private link: Link | undefined;
  private opening: Promise<Link> | undefined;
  private failures = 0;
  private isClosed = false;

  /**
   * @param warn Told why a connection is given up.
   * @throws {Error} when the connection string is malformed.
   */
  constructor(
    private readonly target: Target,
    private readonly warn: (message: string) => void,
  ) {
    this.link = new Link(target);
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

  /** Says that a link has answered: the next failure is a first one again. */
  worked(link: Link): void {
    if (link === this.link) this.failures = 0;
  }

  /** Gives a link up. Its open calls fail; they or others find the next one through {@link current}. */
  retire(link: Link, reason: string): void {
    if (link.isRetired) return;
    link.retire();
    if (link !== this.link || this.isClosed) return;
    this.failures += 1;
    this.link = undefined;
    this.warn(`connection to EventStoreDB given up: ${reason}`);
  }

  /** Gives up the link for good. */
  close(): void {
    this.isClosed = true;
    this.link?.retire();
  }

  private async reopen(): Promise<Link> {
    // The first try comes at once: most often one node has gone and another is there.
    if (this.failures > 1) await sleep(backoffMs(this.failures - 1, 50, 1_000));
    if (this.isClosed) throw new StoreUnavailable('the event store is closed');
    const link = new Link(this.target);
    this.link = link;
    return link;
  }
}
