import { closeSync, mkdirSync, openSync, readSync } from 'node:fs';
import { z } from 'zod';
import { parseTrustedProxies } from './client-address.js';
import { BadEventStoreUrl, parseEventStoreUrl } from './event-store-url.js';

const durationMs = (defaultMs: number, min = 1) =>
  z.coerce.number('must be a number').int().min(min).default(defaultMs);
const flag = (byDefault: boolean) =>
  z
    .enum(['true', 'false'])
    .default(byDefault ? 'true' : 'false')
    .transform((text) => text === 'true');
const perMinute = (byDefault: number) => z.coerce.number('must be a number').int().min(0).default(byDefault);
/** A secret from the operator must be too long to be guessed. */
const secret = z.string().min(32, 'must have at least 32 characters').optional();
/** The value before, while a secret is replaced. */
const previous = (name: string) =>
  secret.describe(`Accepted as well as ${name}, while it is replaced (docs/operations.md).`);

/** It is sent in an Authorization header, whose alphabet is limited (RFC 6750). */
const bearerKey = z
  .string()
  .min(32, 'must have at least 32 characters')
  .regex(/^[A-Za-z0-9._~+/-]+=*$/, 'may have letters, digits and . _ ~ + / - only')
  .optional();

/** What a server with NODE_ENV=production refuses unless ALLOW_IN_PRODUCTION names it. */
export const productionRisks = ['virtual-payments', 'weak-secrets', 'open-data-folder'] as const;
export type ProductionRisk = (typeof productionRisks)[number];

const allowedRisks = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((name) => name.trim() || []))
  .pipe(
    z.array(z.enum(productionRisks, `may name, separated by commas, only ${productionRisks.join(', ')}`)),
  );

/** Settings that hold a secret. */
export const secretSettings = [
  'SECRET',
  'SECRET_PREVIOUS',
  'TOKEN_SECRET',
  'TOKEN_SECRET_PREVIOUS',
  'QUEUE_SECRET',
  'QUEUE_SECRET_PREVIOUS',
  'DATA_SECRET',
  'DATA_SECRET_PREVIOUS',
  'ADMIN_KEY',
  'PAYMENT_API_KEY',
  'PAYMENT_CALLBACK_SECRET',
] as const;

/** Settings that are addresses with a password. */
export const passwordSettings = ['EVENTSTORE_URL', 'DATABASE_URL', 'REDIS_URL'] as const;

/** Settings that NAME_FILE may give: the name of a file with the value. */
const fileSettings: readonly string[] = [...secretSettings, ...passwordSettings];

/** Whether the URL can be parsed and has no path other than the number of a database. */
function isRedisUrl(url: string): boolean {
  return URL.canParse(url) && /^(?:\/\d*)?$/.test(new URL(url).pathname);
}

/** Whether the text is an origin as browsers send it: scheme, host and port, and nothing else. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
}

/** Every setting, by the name of its environment variable. docs/configuration.md is generated from the descriptions. */
export const configSchema = z.object({
  NODE_ENV: z
    .string()
    .optional()
    .describe(
      'With `production` the server refuses to start with virtual payments, published or weak secrets, or a data folder that other users can open (docs/security.md). The image sets it.',
    ),
  ALLOW_IN_PRODUCTION: allowedRisks.describe(
    `What NODE_ENV=production accepts all the same, separated by commas: ${productionRisks.map((name) => `\`${name}\``).join(', ')}.`,
  ),
  ROLE: z
    .enum(['all', 'api', 'projector', 'worker'])
    .default('all')
    .describe(
      'What this process does: `api` answers HTTP, `projector` projects the log into read models, `worker` runs timers and admission, `all` does everything. Any other value than `all` needs EVENTSTORE_URL, DATABASE_URL, REDIS_URL, PAYMENT_URL, and SECRET or all of TOKEN_SECRET, QUEUE_SECRET and DATA_SECRET.',
    ),
  EVENTSTORE_URL: z
    .string()
    .superRefine((url, context) => {
      try {
        parseEventStoreUrl(url);
      } catch (error) {
        if (!(error instanceof BadEventStoreUrl)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
      }
    })
    .optional()
    .describe('EventStoreDB connection string (docs/eventstoredb.md). Unset: an SQLite log in DATA_DIR.'),
  DATABASE_URL: z
    .string()
    .regex(/^(?:mysql|mariadb):\/\//, 'must be a mysql:// or mariadb:// URL')
    .optional()
    .describe('MySQL or MariaDB for read models (docs/mysql.md). Unset: an SQLite file in DATA_DIR.'),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, { message: 'must be a redis:// or rediss:// URL', abort: true })
    .refine(isRedisUrl, 'must look like redis://user:password@host:6379/0; percent-encode user and password')
    .optional()
    .describe('Redis for timers and what processes share (docs/redis.md). Unset: in this process.'),
  REDIS_KEY_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'may have up to 64 letters, digits and . _ - only')
    .default('boxoffice')
    .describe(
      'First part of every key in Redis. Installations that share one Redis need different prefixes.',
    ),

  HOST: z.string().min(1).default('127.0.0.1').describe('Address the HTTP server listens on.'),
  PORT: z.coerce
    .number('must be a number')
    .int()
    .min(0)
    .max(65_535)
    .default(3000)
    .describe('Port of the HTTP server; 0 picks a free one.'),
  DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .describe(
      'Folder for the files of the embedded engines and for generated secrets; created if it is missing.',
    ),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Log lines below this level are not written.'),
  SECRET: secret.describe(
    'Stands for each of TOKEN_SECRET, QUEUE_SECRET and DATA_SECRET that is unset; the same in every process. Unset: generated in DATA_DIR.',
  ),
  SECRET_PREVIOUS: previous('SECRET'),
  TOKEN_SECRET: secret.describe('Signs the bearer tokens of fans. Unset: SECRET.'),
  TOKEN_SECRET_PREVIOUS: previous('TOKEN_SECRET'),
  QUEUE_SECRET: secret.describe(
    'Seeds of queue shuffles derive from it (docs/fair-queue.md). Unset: SECRET.',
  ),
  QUEUE_SECRET_PREVIOUS: previous('QUEUE_SECRET'),
  DATA_SECRET: secret.describe('Encrypts the keys of personal data (docs/personal-data.md). Unset: SECRET.'),
  DATA_SECRET_PREVIOUS: previous('DATA_SECRET'),
  CLOCK_BEHIND_ACCEPTED: flag(false).describe(
    'Start although the newest event of the log lies in the future of this machine’s clock (docs/operations.md).',
  ),
  PERSONAL_KEYS_LOST: flag(false).describe(
    'Start although the keys of some personal data in the log are lost: that data reads as erased (docs/personal-data.md).',
  ),
  ADMIN_KEY: bearerKey.describe(
    'Bearer key of operators for the first start: it opens nothing once an owner’s key has been issued (docs/operations.md). Unset: generated in DATA_DIR where ROLE is `all`, else none.',
  ),
  SEAL_KEY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PEM file with the Ed25519 private key that signs seals and exports (docs/audit.md). Unset: generated in DATA_DIR.',
    ),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address at which the payment system reaches this server. Unset: HOST and PORT.'),
  TRUST_PROXY: z
    .string()
    .default('false')
    .transform((text, context) => {
      try {
        return parseTrustedProxies(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
        return z.NEVER;
      }
    })
    .describe(
      'Whose X-Forwarded-For names the client’s address, by which clients are limited: `false` (nobody’s); the number of proxies that every request passes, such as `1`; or the proxies’ addresses and networks, such as `10.0.0.0/8,fd00::/8`.',
    ),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter((origin) => origin !== ''))
    .refine(
      (origins) => origins.every(isOrigin),
      'must be origins such as https://tickets.example, separated by commas',
    )
    .describe(
      'Origins whose pages may call the API, such as `https://tickets.example`, separated by commas. Unset: only pages of the same origin.',
    ),
  SAMPLE_CATALOG: flag(true).describe('Import the sample catalog when the log is empty.'),

  PAYMENT_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Base URL of the payment system. Unset: the virtual one is started on loopback.'),
  PAYMENT_API_KEY: secret.describe('Key for the payment system. Required with PAYMENT_URL.'),
  PAYMENT_CALLBACK_SECRET: secret.describe(
    "Verifies the payment system's callbacks. Required with PAYMENT_URL.",
  ),
  PAYMENT_TIMEOUT_MS: durationMs(5_000).describe(
    'Longest wait for the payment system; after it the reply to a charge is "pending".',
  ),

  ACCESS_TOKEN_TTL_MS: z.coerce
    .number('must be a number')
    .int()
    .min(1_000)
    .max(15 * 60_000, 'may be at most 15 minutes')
    .default(15 * 60_000)
    .describe('Lifetime of an access token.'),
  REFRESH_TOKEN_TTL_MS: durationMs(14 * 24 * 3_600_000).describe('Lifetime of a refresh token.'),
  SESSION_MAX_LIFE_MS: durationMs(30 * 24 * 3_600_000).describe(
    'A session ends so long after the log-in, however often it is refreshed.',
  ),
  QUEUE_TOKEN_TTL_MS: durationMs(3_600_000).describe('Lifetime of a queue token; it can be refreshed.'),
  LOGIN_CONCURRENCY: z.coerce
    .number('must be a number')
    .int()
    .min(1)
    .max(64)
    .default(2)
    .describe('Password hashes computed at the same time.'),

  RANDOMNESS_BEACON: z
    .enum(['off', 'drand-quicknet'])
    .default('off')
    .describe(
      'Public randomness that is mixed into the draw of queues which open at a set time: each performance that is published from then on names a round of it, and its queue opens only with that round (docs/fair-queue.md).',
    ),
  BEACON_URLS: z
    .string()
    .default('https://api.drand.sh,https://drand.cloudflare.com')
    .transform((text) => text.split(','))
    .refine(
      (urls) => urls.every((url) => URL.canParse(url) && /^https?:/.test(url)),
      'must be http(s) URLs, separated by commas',
    )
    .describe(
      'Relays of the beacon, asked in this order. They need not be trusted: what they answer is verified.',
    ),
  BEACON_TIMEOUT_MS: durationMs(3_000).describe('Longest wait for one relay of the beacon.'),

  SWEEP_INTERVAL_MS: durationMs(5_000).describe(
    'How often the process searches for lapsed holds, lapsed tokens, cancelled dates, open orders and open charges.',
  ),
  ADMISSION_INTERVAL_MS: durationMs(200).describe('How often a queue is served while fans can be admitted.'),
  RESUME_AFTER_MS: durationMs(10_000, 0).describe(
    'An order or charge that has been open for this long is resumed.',
  ),
  CATALOG_MAX_AGE_MS: durationMs(1_000, 0).describe(
    'Greatest age of the cached catalog that is used to hold seats.',
  ),

  MAX_PENDING_APPENDS: z.coerce
    .number('must be a number')
    .int()
    .min(1)
    .default(20_000)
    .describe('Appends that may wait for the event log; further ones are refused with 503.'),
  MAX_REQUESTS_IN_FLIGHT: z.coerce
    .number('must be a number')
    .int()
    .min(1)
    .default(2_000)
    .describe('Requests that this process handles at the same time; further ones are refused with 503.'),
  MAX_REQUEST_WAIT_MS: z.coerce
    .number('must be a number')
    .int()
    .min(0)
    .default(500)
    .describe(
      'If the oldest waiting request has waited longer than this, new reads are refused with 503; new commands after twice this time. 0: never.',
    ),
  READ_WAIT_TIMEOUT_MS: durationMs(2_000).describe('Longest time a read waits for the position it asks for.'),
  MAX_CONNECTIONS: z.coerce
    .number('must be a number')
    .int()
    .min(1)
    .default(30_000)
    .describe('Open connections; further ones are closed at once.'),
  MAX_CONNECTIONS_PER_ADDRESS: z.coerce
    .number('must be a number')
    .int()
    .min(0)
    .default(2_000)
    .describe(
      'Those of one address (IPv6: of one /64), unless it is a proxy of TRUST_PROXY; 0: no limit (docs/security.md).',
    ),
  MAX_LIVE_STREAMS: z.coerce
    .number('must be a number')
    .int()
    .min(0)
    .default(20_000)
    .describe('Connections for server-sent events at the same time.'),
  MAX_LIVE_STREAMS_PER_ADDRESS: z.coerce
    .number('must be a number')
    .int()
    .min(0)
    .default(1_000)
    .describe('Those of one address; 0: no limit.'),
  RATE_LIMIT_READS_PER_MINUTE: z.coerce
    .number('must be a number')
    .int()
    .min(0)
    .default(12_000)
    .describe(
      'Reads per minute from one address, a quarter of them at once; a large reply that is made for one of them counts as more (docs/overload.md). 0: no limit.',
    ),
  RATE_LIMIT_LOGIN_PER_MINUTE: perMinute(10).describe(
    'Wrong passwords per minute from one address, at log-in, password change and erasure; right ones do not count. 0: no limit.',
  ),
  RATE_LIMIT_LOGIN_PER_MINUTE_OF_ACCOUNT: perMinute(10).describe(
    'Passwords checked per minute of one login id, whether or not it exists, or of one user who is logged in; right ones count too. 0: no limit.',
  ),
  RATE_LIMIT_REGISTRATIONS_PER_MINUTE: perMinute(60).describe(
    'Registrations per minute from one address; 0: no limit.',
  ),
  RATE_LIMIT_REFRESHES_PER_MINUTE: perMinute(600).describe(
    'Refreshes of sessions per minute from one address; 0: no limit.',
  ),
  RATE_LIMIT_COMMANDS_PER_MINUTE: perMinute(600).describe('Commands per minute of one user; 0: no limit.'),
  RATE_LIMIT_JOINS_PER_MINUTE: z.coerce
    .number('must be a number')
    .int()
    .min(0)
    .default(600)
    .describe(
      'Joinings of one queue per minute from one address (IPv6: its /64); 0: no limit (docs/security.md says what it costs fans behind one NAT).',
    ),
  JOIN_VERIFICATION: z
    .enum(['off', 'proof-of-work', 'siteverify'])
    .default('off')
    .describe(
      'What a fan must prove before a place is given: `proof-of-work` asks for computing time, `siteverify` for the response of a CAPTCHA or another service (docs/security.md).',
    ),
  JOIN_WORK_BITS: z.coerce
    .number('must be a number')
    .int()
    .min(8)
    .max(28)
    .default(18)
    .describe('Proof of work: leading zero bits, so 2 to this power hashes on average.'),
  SITEVERIFY_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where responses are verified. Required with JOIN_VERIFICATION=siteverify.'),
  SITEVERIFY_SECRET: z
    .string()
    .min(1)
    .optional()
    .describe('Our secret for that service. Required with JOIN_VERIFICATION=siteverify.'),
  SITEVERIFY_SITE_KEY: z
    .string()
    .min(1)
    .optional()
    .describe('Public key of our site at that service. Required with JOIN_VERIFICATION=siteverify.'),
  SITEVERIFY_TIMEOUT_MS: durationMs(3_000).describe(
    'Longest wait for that service; after it the fan is told to try again.',
  ),
});
export type Config = Readonly<z.infer<typeof configSchema>>;

/** Required in each process when several share the work. */
const neededBySeveral = ['EVENTSTORE_URL', 'DATABASE_URL', 'REDIS_URL', 'PAYMENT_URL'] as const;
/** They stand for SECRET. */
const secretsOfPurposes = ['TOKEN_SECRET', 'QUEUE_SECRET', 'DATA_SECRET'] as const;

/** The start is refused: each line of the message names a variable and what is wrong with it. */
export class BadConfiguration extends Error {
  override readonly name = 'BadConfiguration';
}

/**
 * Reads the configuration from environment variables, and from the files that NAME_FILE names for secrets; an empty one
 * counts as unset.
 * @throws {BadConfiguration} naming every variable that is wrong.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const problems = readSecretFiles(given);
  const parsed = configSchema.safeParse(given);
  // The path of a problem in a list goes on with the index.
  if (!parsed.success)
    problems.push(...parsed.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`));
  if (parsed.success && parsed.data.PAYMENT_URL !== undefined) {
    for (const name of ['PAYMENT_API_KEY', 'PAYMENT_CALLBACK_SECRET'] as const) {
      if (parsed.data[name] === undefined) problems.push(`${name}: is required when PAYMENT_URL is set`);
    }
  }
  if (parsed.success && parsed.data.JOIN_VERIFICATION === 'siteverify') {
    for (const name of ['SITEVERIFY_URL', 'SITEVERIFY_SECRET', 'SITEVERIFY_SITE_KEY'] as const) {
      if (parsed.data[name] === undefined)
        problems.push(`${name}: is required when JOIN_VERIFICATION is siteverify`);
    }
  }
  if (parsed.success && parsed.data.ROLE !== 'all') {
    for (const name of neededBySeveral) {
      if (parsed.data[name] === undefined)
        problems.push(`${name}: is required when ROLE is ${parsed.data.ROLE}`);
    }
    if (parsed.data.SECRET === undefined) {
      const missing = secretsOfPurposes.filter((name) => parsed.data[name] === undefined);
      if (missing.length > 0)
        problems.push(`SECRET: is required when ROLE is ${parsed.data.ROLE}, or else ${missing.join(', ')}`);
    }
  }
  if (!parsed.success || problems.length > 0) {
    throw new BadConfiguration(
      `the configuration is wrong:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    );
  }
  return parsed.data;
}

/** The longest file of a secret that is read, bytes. */
const maxSecretFileBytes = 4_096;

/**
 * Sets what files give.
 * @param given changed: gets the values of files, without the line end.
 * @returns a line for each file that cannot be used.
 */
function readSecretFiles(given: Record<string, string | undefined>): string[] {
  const problems: string[] = [];
  for (const name of fileSettings) {
    const file = given[`${name}_FILE`];
    if (file === undefined) continue;
    if (given[name] !== undefined) {
      problems.push(`${name}_FILE: is given beside ${name}: give one of them`);
      continue;
    }
    const read = readSecretFile(file);
    if (read.value === undefined) problems.push(`${name}_FILE: ${file} ${read.problem}`);
    else given[name] = read.value;
  }
  return problems;
}

/** The value in the file of a secret, without surrounding white space; or why it cannot be used. */
export function readSecretFile(
  file: string,
): { readonly value: string } | { readonly value?: undefined; readonly problem: string } {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const buffer = Buffer.alloc(maxSecretFileBytes + 1);
      const length = readSync(descriptor, buffer);
      if (length > maxSecretFileBytes) return { problem: `has more than ${maxSecretFileBytes} bytes` };
      const value = buffer.toString('utf8', 0, length).trim();
      return value === '' ? { problem: 'is empty' } : { value };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // what functions of node:fs throw
    return { problem: `cannot be read (${code})` };
  }
}

/**
 * Creates the folder DATA_DIR, for its owner alone, unless it exists.
 * @throws {BadConfiguration} when there is something else, or it cannot be created.
 */
export function createDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException; // what functions of node:fs throw
    const isFile = code === 'EEXIST' || code === 'ENOTDIR';
    const reason = isFile ? 'is not a folder' : `cannot be created: ${message}`;
    throw new BadConfiguration(`DATA_DIR: ${dataDir} ${reason}`);
  }
}

/** docs/configuration.md, generated from the schema so that the two cannot differ. */
export function configurationReference(): string {
  const rows = Object.entries(configSchema.shape).map(([name, schema]) => {
    const given = schema.safeParse(undefined);
    const value =
      given.success && given.data !== undefined && `${given.data}` !== '' ? `\`${given.data}\`` : 'unset';
    return `| \`${name}\` | ${value} | ${schema.description ?? ''} |`;
  });
  return [
    '# Configuration',
    '',
    'Environment variables, read once at the start. If a value is wrong, the process names the variable and ends.',
    'Durations are in milliseconds.',
    '',
    'A secret need not stand in the environment: `NAME_FILE` may name a file with the value of `NAME`, for each of',
    `${fileSettings.map((name) => `\`${name}\``).join(', ')}.`,
    '',
    '| variable | default | meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
