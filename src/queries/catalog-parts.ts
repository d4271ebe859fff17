import type { z } from 'zod';
import type { decorationSchema, translationsSchema } from '../events/catalog-events.js';

/** A shape drawn around the seats. */
export type Decoration = z.infer<typeof decorationSchema>;

/** A name in the languages given beside the main one. */
export type Translations = z.infer<typeof translationsSchema>;

/** Plan coordinates in the feed's own unit; x grows to the right, y away from the top edge. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Section {
  readonly sectionId: string;
  readonly name: string;
  readonly seatCount: number;
}
