import type { Language } from '../../queries/replies.js';
import type { Reason, ReasonOf } from './reason.js';
import { english } from './words-english.js';
import { korean } from './words-korean.js';

/** A language: a sentence or two for each kind of reason. */
export type Words = { readonly [Kind in Reason['kind']]: (reason: ReasonOf<Kind>) => string };

const words: Readonly<Record<Language, Words>> = { en: english, ko: korean };

/** A reason in words. */
export function say(reason: Reason, language: Language): string {
  // Each key of Words takes the reasons of its own kind, which the compiler cannot follow through an index.
  const sentence = words[language][reason.kind] as (reason: Reason) => string;
  return sentence(reason);
}
