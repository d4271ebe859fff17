import { createHmac } from 'node:crypto';
import type { ProcessLog } from './failure-log.js';

/** Who a request comes from, as far as it is known. */
interface Source {
  /** The client's address, as limits count it. Written as a keyed hash. */
  readonly address?: string | undefined;
  /** The login id that was given, whether it exists or not. Written as a keyed hash. */
  readonly login?: string | undefined;
  /** A fan, by an id that names no person. */
  readonly userId?: string | undefined;
  /** The same as in the reply's X-Request-Id. */
  readonly requestId?: string | undefined;
}

/**
 * What a security team wants to see. Add a kind here and to {@link kinds}, and to docs/operations.md. What the API answers
 * with a problem document is recorded from the document's code (api/security-reports.ts).
 */
export type SecurityEvent = Source &
  (
    | { readonly kind: 'login-failed'; readonly method: string; readonly path: string }
    | { readonly kind: 'token-refused'; readonly token: 'access' | 'refresh' | 'queue' }
    | { readonly kind: 'refresh-token-reused' }
    | { readonly kind: 'limit-hit'; readonly limit: string }
    | {
        readonly kind: 'operator-refused';
        readonly reason: 'no-key' | 'unknown-key' | 'revoked' | 'environment-key-closed' | 'role';
        /** Known when the key is, or was, an operator's. */
        readonly operator?: string | undefined;
        readonly keyId?: string | undefined;
        readonly method: string;
        readonly path: string;
      }
    | {
        readonly kind: 'operator-action';
        readonly operator: string;
        /** None for the key of the environment. */
        readonly keyId: string | undefined;
        readonly method: string;
        readonly path: string;
        readonly status: number;
      }
  );

export type SecurityEventKind = SecurityEvent['kind'];

interface KindSettings {
  readonly message: string;
  readonly level: 'info' | 'warn';
  /** Every event has its line: only the holder of an operator's key can cause them, and must not hide one among many. */
  readonly isNeverLeftOut?: true;
}

const kinds: Readonly<Record<SecurityEventKind, KindSettings>> = {
  'login-failed': { level: 'info', message: 'a wrong login id or password' },
  // Expired tokens count too, so a few are normal.
  'token-refused': { level: 'info', message: 'a token was refused' },
  'refresh-token-reused': {
    level: 'warn',
    message: 'a refresh token was used twice: somebody else may have it, so the session has ended',
  },
  'limit-hit': { level: 'info', message: 'a limit was hit' },
  'operator-refused': { level: 'warn', message: 'an operators’ endpoint was refused' },
  'operator-action': { level: 'info', message: 'an operator acted', isNeverLeftOut: true },
};

/** Every kind, for counters that begin at 0. */
export const securityEventKinds = Object.keys(kinds) as readonly SecurityEventKind[]; // the keys of a Record of kinds

/** Lines of one kind that are written in a window; what is beyond is counted and summed up in one line. */
const linesPerWindow = 20;
const windowMs = 10_000;

/** Hexadecimal digits of a keyed hash: 64 bits tell all accounts and addresses apart. */
const hashDigits = 16;

interface Window {
  lines: number;
  suppressed: number;
}

/**
 * Writes security events to the log, as lines with the field `securityEvent`, and counts them. Addresses and login ids
 * appear as keyed hashes only: equal ones can be found, and none can be recovered by trying all without the key. Under an
 * attack each kind writes at most 20 lines and a sum every 10 seconds; the counters contain every event.
 */
export class SecurityEvents {
  readonly #counts = new Map<SecurityEventKind, number>(securityEventKinds.map((kind) => [kind, 0]));
  readonly #windows = new Map<SecurityEventKind, Window>();

  /** @param key of the hashes; the same in every process, so that their lines can be compared. */
  constructor(
    private readonly log: Pick<ProcessLog, 'info' | 'warn'>,
    private readonly key: Buffer,
  ) {}

  /** Events of each kind since the start of this process. */
  get counts(): ReadonlyMap<SecurityEventKind, number> {
    return this.#counts;
  }

  /** Counts an event and writes its line, unless too many of its kind were written just now. Never throws. */
  record(event: SecurityEvent): void {
    const { kind, address, login, ...details } = event;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    const { level, message, isNeverLeftOut } = kinds[kind];
    if (!isNeverLeftOut && !this.#takeLine(kind)) return;
    const line = {
      securityEvent: kind,
      ...details,
      ...(address === undefined ? {} : { addressHash: this.#hash('address', address) }),
      ...(login === undefined
        ? {}
        : { loginHash: this.#hash('login', login.normalize('NFC').toLowerCase()) }),
    };
    this.log[level](line, message);
  }

  #takeLine(kind: SecurityEventKind): boolean {
    let window = this.#windows.get(kind);
    if (!window) {
      window = { lines: 0, suppressed: 0 };
      this.#windows.set(kind, window);
      setTimeout(() => this.#closeWindow(kind), windowMs).unref();
    }
    if (window.lines < linesPerWindow) window.lines++;
    else window.suppressed++;
    return window.suppressed === 0;
  }

  #closeWindow(kind: SecurityEventKind): void {
    const suppressed = this.#windows.get(kind)?.suppressed ?? 0;
    this.#windows.delete(kind);
    if (suppressed === 0) return;
    const { level, message } = kinds[kind];
    this.log[level]({ securityEvent: kind, suppressed }, `${message}: further lines were left out`);
  }

  #hash(purpose: 'address' | 'login', text: string): string {
    return createHmac('sha256', this.key).update(`${purpose} ${text}`).digest('hex').slice(0, hashDigits);
  }
}
