import { translationsSchema } from '../events/catalog-events.js';
import type { Translations } from './replies/catalog.js';
import type { Language } from './replies.js';

/** Names as the catalog projection stored them. */
export function parseNames(stored: string | null): Translations {
  return stored === null ? {} : translationsSchema.parse(JSON.parse(stored));
}

/** The name in the asked language when given, else the main one. */
export function pickName<Name extends string | null>(
  main: Name,
  stored: string | null,
  language: Language | undefined,
): Name | string {
  return (language === undefined ? undefined : parseNames(stored)[language]) ?? main;
}
