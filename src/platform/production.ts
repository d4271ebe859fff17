import { statSync } from 'node:fs';
import {
  BadConfiguration,
  type Config,
  type ProductionRisk,
  passwordSettings,
  secretSettings,
} from './config.js';

/** Bits of a secret's characters below which it can be guessed; 32 random hex digits have some 115. */
const minBits = 96;

/** Words of published examples: random secrets of letters and digits do not contain them. */
const publishedWords = /insecure|secret|password|changeit|changeme|example|development|everybody|sample/i;

/** Three words in a row: random characters hardly ever look like this. */
const severalWords = /[a-z]{3,}[-_ .,]+[a-z]{2,}[-_ .,]+[a-z]{3,}/;

/**
 * Why a secret can be guessed, as the end of a sentence that begins with its name; undefined when nothing is wrong with
 * it. An estimate: it finds published examples, words and patterns, not every bad choice.
 */
export function weaknessOf(secret: string): string | undefined {
  if (publishedWords.test(secret) || severalWords.test(secret)) {
    return 'consists of words, as published examples do';
  }
  if (bitsOf(secret) < minBits) return 'has too few different characters';
  return repeatsItself(secret) || isSequence(secret) ? 'follows a pattern' : undefined;
}

/** Shannon entropy of its characters, times their number. */
function bitsOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= count * Math.log2(count / text.length);
  return bits;
}

/** Whether it is nearly the same when it is shifted by up to half of its length. */
function repeatsItself(text: string): boolean {
  for (let shift = 1; shift <= text.length / 2; shift++) {
    let equal = 0;
    for (let at = shift; at < text.length; at++) if (text[at] === text[at - shift]) equal++;
    if (equal >= 0.8 * (text.length - shift)) return true;
  }
  return false;
}

/** Whether most characters are the neighbours of those before them, as in `abcdef` and `987654`. */
function isSequence(text: string): boolean {
  let neighbours = 0;
  for (let at = 1; at < text.length; at++) {
    if (Math.abs(text.charCodeAt(at) - text.charCodeAt(at - 1)) <= 1) neighbours++;
  }
  return neighbours >= text.length / 2;
}

/** `mysql://user:password@host`: the password. */
const urlPassword = /^[a-z+]+:\/\/[^/@:]*:([^/@]*)@/i;

/**
 * Refuses to run with NODE_ENV=production what is for trying out only, unless ALLOW_IN_PRODUCTION names it.
 * @param options.isPaymentSystem whether this process is the virtual payment system itself.
 * @throws {BadConfiguration} naming each variable and what to do. It repeats no secret.
 */
export function assertFitForProduction(
  config: Config,
  { isPaymentSystem = false }: { readonly isPaymentSystem?: boolean } = {},
): void {
  if (config.NODE_ENV !== 'production') return;
  const problems = [
    ...paymentProblems(config, isPaymentSystem),
    ...secretProblems(config),
    ...folderProblems(config.DATA_DIR),
  ].filter(({ risk }) => !config.ALLOW_IN_PRODUCTION.includes(risk));
  if (problems.length === 0) return;
  const lines = problems.map(
    ({ setting, reason, risk }) => `  ${setting}: ${reason}; for a trial set ALLOW_IN_PRODUCTION=${risk}`,
  );
  const risks = [...new Set(problems.map(({ risk }) => risk)), ...config.ALLOW_IN_PRODUCTION].join(',');
  throw new BadConfiguration(
    `NODE_ENV is production, and this is not fit for it (docs/security.md):\n${lines.join('\n')}\n` +
      `To try all of it out: ALLOW_IN_PRODUCTION=${risks}`,
  );
}

interface Problem {
  readonly setting: string;
  readonly reason: string;
  readonly risk: ProductionRisk;
}

function paymentProblems({ PAYMENT_URL }: Config, isPaymentSystem: boolean): Problem[] {
  const risk = 'virtual-payments';
  if (isPaymentSystem) {
    const reason = 'the virtual payment system approves what its test cards say and takes no money';
    return [{ setting: 'payment-system', reason, risk }];
  }
  if (PAYMENT_URL !== undefined) return [];
  const reason =
    'is not set, so the virtual payment system would be used, which takes no money: set it to the address of yours';
  return [{ setting: 'PAYMENT_URL', reason, risk }];
}

/** Keys that go over the network: whoever receives one must not have another secret with it. */
const sentSettings = ['ADMIN_KEY', 'PAYMENT_API_KEY', 'PAYMENT_CALLBACK_SECRET'] as const;

function secretProblems(config: Config): Problem[] {
  const risk = 'weak-secrets';
  const problems: Problem[] = [];
  for (const setting of secretSettings) {
    const value = config[setting];
    const weakness = value === undefined ? undefined : weaknessOf(value);
    const reason = `${weakness}: replace it, \`openssl rand -hex 32\` makes one`;
    if (weakness !== undefined) problems.push({ setting, reason, risk });
  }
  for (const setting of sentSettings) {
    const twin = secretSettings.find(
      (other) => other !== setting && config[setting] !== undefined && config[other] === config[setting],
    );
    if (twin !== undefined)
      problems.push({ setting, reason: `is the same as ${twin}: make another one`, risk });
  }
  for (const setting of passwordSettings) {
    const password = urlPassword.exec(config[setting] ?? '')?.[1];
    const reason = 'has a password that consists of words, as published examples do: change it';
    if (password !== undefined && publishedWords.test(password)) problems.push({ setting, reason, risk });
  }
  return problems;
}

/** Permissions of users who neither own a file nor are in its group. */
const othersBits = 0o007;

function folderProblems(dataDir: string): Problem[] {
  const stats = statSync(dataDir, { throwIfNoEntry: false });
  if (!stats?.isDirectory() || (stats.mode & othersBits) === 0 || process.platform === 'win32') return [];
  const reason =
    `other users of this machine can open ${dataDir}: run \`chmod 700 ${dataDir}\`, and replace the secrets in it if ` +
    'one of them may have read it';
  return [{ setting: 'DATA_DIR', reason, risk: 'open-data-folder' }];
}
