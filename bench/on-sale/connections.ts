import { RawClient, type RawReply } from '../http/raw-client.js';

/** A reply with the time since it was asked for: the wait for a free connection is part of it. */
export interface Answer extends RawReply {
  readonly waitedMs: number;
}

/** Kept-alive connections that many fans share, first come first served. */
export class Connections {
  /** Used in turns, so that none is idle until the server closes it. */
  readonly #free: RawClient[];
  readonly #waiting: ((client: RawClient) => void)[] = [];
  #waitingFrom = 0;

  constructor(url: string, count: number) {
    this.#free = Array.from({ length: count }, () => new RawClient(new URL(url)));
  }

  /** @throws when the connection is lost; whether the request was served is then unknown. */
  async send(method: string, path: string, headers: string, body?: string): Promise<Answer> {
    const askedAt = performance.now();
    const client = this.#free.shift() ?? (await new Promise<RawClient>((take) => this.#waiting.push(take)));
    try {
      const reply = await client.send(method, path, headers, body);
      return { ...reply, waitedMs: performance.now() - askedAt };
    } finally {
      this.#pass(client);
    }
  }

  close(): void {
    for (const client of this.#free) client.close();
  }

  #pass(client: RawClient): void {
    const next = this.#waiting[this.#waitingFrom];
    if (!next) {
      this.#free.push(client);
      return;
    }
    this.#waitingFrom++;
    // Taking the first of a long array moves all others.
    if (this.#waitingFrom === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#waitingFrom = 0;
    }
    next(client);
  }
}
