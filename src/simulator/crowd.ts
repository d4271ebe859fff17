import { ImportCatalog } from '../commands/catalog/import-catalog.js';
import { AdmitTokens, OpenQueue } from '../commands/queue/open-and-admit.js';

import { Client } from './client.js';
import { Fan } from './fan.js';
import { FanPromises } from './fan-promises.js';
import type { KeptPromises } from './kept-promises.js';
import type { Office } from './office.js';
import type { Random } from './random.js';
import { drawSale, type Sale } from './sale.js';
import type { World } from './world.js';

/** Everybody outside: the organiser, an operator, and more fans than seats. */
export class Crowd {
  readonly #client: Client;
  readonly #sale: Sale;
  readonly #fans: Fan[];
  readonly #chance: Random;

  constructor(
    private readonly world: World,
    office: Office,
    promises: KeptPromises,
  ) {
    this.#chance = world.random('crowd');
    this.#client = new Client(world, office);
    this.#sale = drawSale(this.#chance, world.scheduler.nowMs);
    const names = Array.from({ length: this.#chance.between(3, 8) }, (_, index) => `fan-${index}`);
    const told = new FanPromises(promises);
    this.#fans = names.map((name, index) => {
      // Everybody but the first would also take the second one's login id.
      const loginIds = index === 0 ? [name] : [name, names[1] ?? name];
      const mostCharged = this.#chance.chance(0.5) ? 4 : 2;
      const chance = world.random(`fan ${index}`);
      return new Fan(name, loginIds, mostCharged, this.#sale, this.#client, told, chance);
    });
  }

  /** The organiser publishes the sale; nothing happens before. */
  async publish(): Promise<void> {
    const command = new ImportCatalog(this.#sale.feed(), this.#client.context({ kind: 'admin' }));
    const reply = await this.#client.send('the organiser publishes', command);
    if (reply.kind !== 'done') throw new Error('nothing can be published before the faults begin');
  }

  /** One step: somebody does something. What comes of it may take a while. */
  act(): void {
    const share = this.#chance.next();
    const acting =
      share < 0.015
        ? this.#republish()
        : share < 0.03
          ? this.#operate()
          : this.#chance.pick(this.#fans)?.act();
    acting?.catch((error: unknown) => {
      this.world.find('unexpected-error', error instanceof Error ? `${error.stack}` : String(error));
    });
  }

  async #republish(): Promise<void> {
    const command = new ImportCatalog(this.#sale.feed(), this.#client.context({ kind: 'admin' }));
    const reply = await this.#client.send('the organiser publishes again', command);
    if (reply.kind === 'done' && reply.result.keptSeats.length > 0) {
      this.world.saw('seat kept in a plan that drops it');
    }
  }

  /** An operator does by hand what the admission does by itself. */
  async #operate(): Promise<void> {
    const performanceId = this.#chance.pick(this.#sale.performances)?.performanceId;
    if (!performanceId) return;
    const context = this.#client.context({ kind: 'admin' });
    await this.#client.send('an operator opens the queue', new OpenQueue(performanceId, context));
    const admit = new AdmitTokens(performanceId, undefined, this.#client.context({ kind: 'admin' }));
    await this.#client.send('an operator admits', admit);
  }
}
