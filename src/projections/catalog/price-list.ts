import { type PriceCategory, priceCategorySchema } from '../../events/catalog-events.js';

/** Prices of a performance by seat category. */
export class PriceList {
  private readonly byCategory: ReadonlyMap<string, PriceCategory>;

  constructor(readonly entries: readonly PriceCategory[]) {
    this.byCategory = new Map(entries.map((entry) => [entry.category, entry]));
  }

  /** The list stored as JSON. */
  static parse(stored: string): PriceList {
    return new PriceList(priceCategorySchema.array().parse(JSON.parse(stored)));
  }

  /** The entry for a category: its own, else the one for all others (`*`). */
  entryOf(category: string): PriceCategory | undefined {
    return this.byCategory.get(category) ?? this.byCategory.get('*');
  }

  /** Points for a seat of this category; null: not for sale. */
  priceOf(category: string): number | null {
    return this.entryOf(category)?.price ?? null;
  }
}
