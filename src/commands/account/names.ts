import { z } from 'zod';
import { nfcText } from '../../events/ids.js';

/**
 * Characters that are not seen or change how the rest is shown: control characters, line breaks, halves of a surrogate pair,
 * marks of the writing direction and invisible spaces. Joiners stay: Persian names and emoji need them.
 */
const unseen = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u{AD}\u{200B}\u{2060}\u{FEFF}]/u;

const printable = (text: string) => !unseen.test(text);
const notPrintable = 'may not contain control characters, invisible ones or marks of the writing direction';

/** A name that others see: on tickets, or in lists of operators. */
export const personName = (max: number) => nfcText(max).refine(printable, notPrintable);

/** A new password. Half a surrogate pair has no UTF-8 form: two different passwords would have the same hash. */
export const newPassword = z
  .string()
  .min(8)
  .max(200)
  .refine((password) => !/\p{Cs}/u.test(password), 'must be valid Unicode');

/** What a login id may contain beside letters: no other digits, since those of several scripts look alike. */
const common = '0-9._@+\\-';

/** Scripts of Unicode's recommended set, of which a login id has one. Accents are part of letters in NFC; some scripts need marks. */
const scripts = [
  'Arabic',
  'Armenian',
  'Bengali',
  'Devanagari',
  'Ethiopic',
  'Georgian',
  'Gujarati',
  'Gurmukhi',
  'Hebrew',
  'Kannada',
  'Khmer',
  'Lao',
  'Malayalam',
  'Myanmar',
  'Oriya',
  'Sinhala',
  'Tamil',
  'Telugu',
  'Thaana',
  'Thai',
  'Tibetan',
  'Cyrillic',
  'Greek',
];
/** Scripts that are written together and not mistaken for each other ("highly restrictive", Unicode UTS 39). */
const mixtures = [
  ['Latin', 'Han', 'Hangul'],
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
];
const writings = [...mixtures, ...scripts.map((script) => [script])].map((mixture) => {
  const letters = mixture.map((script) => `\\p{scx=${script}}`).join('');
  return new RegExp(`^(?:(?=[\\p{L}\\p{M}])[${letters}]|[${common}])+$`, 'u');
});

/** Letters of these scripts that look like Latin ones: a word of them alone can be mistaken for a Latin word. */
const lookAlikes = /^(?:[аысԁеԍһіюјӏорԗԛѕԝхуъьҽпгѵѡ]+|[αικνρυωηοτ]+)$/u;

/** Whether nobody can take the login id for another one that has other letters. As its stream sees it: in NFKC, lower case. */
function isUnmistakable(loginId: string): boolean {
  const text = normalisedLoginId(loginId);
  const letters = text.replace(/[^\p{L}\p{M}]/gu, '');
  return writings.some((writing) => writing.test(text)) && !lookAlikes.test(letters);
}

/** What makes two login ids the same: case and Unicode form do not make another one. */
export function normalisedLoginId(loginId: string): string {
  return loginId.normalize('NFKC').toLowerCase();
}

/** A login id that can be registered. Those of earlier releases, which had fewer rules, still log in. */
export const newLoginId = nfcText(30)
  .min(3)
  .regex(/^[\p{L}\p{M}\p{N}._@+-]+$/u, 'may have letters, digits and . _ @ + -')
  .refine(isUnmistakable, 'may not mix scripts, or letters that look like those of another script');
