import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { type OperatorKeysState, operatorDecider } from '../../domain/operator.js';
import type { Position } from '../../event-store/port.js';
import {
  type OperatorKeyId,
  type OperatorName,
  operatorKeyIdSchema,
  operatorNameSchema,
} from '../../events/ids.js';
import { type OperatorRole, operatorRoleSchema } from '../../events/operator-events.js';
import { streams } from '../../events/streams.js';
import type { CommandContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import type { StreamRepository } from '../stream-repository.js';

/** The operator that the key of the environment stands for. */
export const environmentOperator = operatorNameSchema.parse('environment');
/** The operator of a command that works on the log without a server. */
export const dataFolderOperator = operatorNameSchema.parse('data-folder');
const reservedNames: readonly string[] = [environmentOperator, dataFolderOperator];

/**
 * How old what a process knows of the keys may be, ms: so long, and the time of one read, a revoked key may still be
 * accepted by another process than the one that revoked it.
 */
export const operatorKeysMaxAgeMs = 1_000;

/** Random bytes of a key, beside its id. */
const secretBytes = 32;
/** The id finds the key without comparing it with all; the fixed beginning lets scanners for leaked secrets find it. */
const keyPattern = /^boxoffice-([0-9a-f]{12})-[A-Za-z0-9_-]{43}$/;

/** Who uses an operator's key. */
export interface Operator {
  readonly operator: OperatorName;
  readonly role: OperatorRole;
  /** Undefined for the key of the environment. */
  readonly keyId: OperatorKeyId | undefined;
}

/** Whom a key belongs to, or why it opens nothing; then with its owner, if it is known. */
export type KeyCheck =
  | ({ readonly isValid: true } & Operator)
  | {
      readonly isValid: false;
      readonly reason: 'unknown-key' | 'revoked' | 'environment-key-closed';
      readonly operator?: OperatorName;
      readonly keyId?: OperatorKeyId;
    };

/**
 * Checks operators' keys against the log. A process reads the stream of the keys again when what it knows is older than a
 * second, however many requests come; where it is the only writer, what it knows is always current.
 */
export class OperatorKeys {
  #reading: Promise<OperatorKeysState> | undefined;

  /** @param environmentKey ADMIN_KEY, or the generated one; undefined: there is none. */
  constructor(
    private readonly repository: StreamRepository,
    private readonly environmentKey: string | undefined,
  ) {}

  /** @throws {StoreUnavailable} when the keys cannot be read: then nobody is let in. */
  async check(key: string): Promise<KeyCheck> {
    const id = keyPattern.exec(key)?.[1];
    if (id === undefined && !this.#isEnvironmentKey(key)) return { isValid: false, reason: 'unknown-key' };
    const state = await this.state();
    if (id === undefined) {
      const operator = environmentOperator;
      return state.hasHadOwner
        ? { isValid: false, reason: 'environment-key-closed', operator }
        : { isValid: true, operator, role: 'owner', keyId: undefined };
    }
    const keyId = operatorKeyIdSchema.parse(id);
    const known = state.live.get(keyId) ?? state.revoked.get(keyId);
    if (!known || !timingSafeEqual(sha256(key), Buffer.from(known.keyHash, 'hex'))) {
      return { isValid: false, reason: 'unknown-key' };
    }
    const { operator, role } = known;
    if (!state.live.has(keyId)) return { isValid: false, reason: 'revoked', operator, keyId };
    return { isValid: true, operator, role, keyId };
  }

  /** Whether this has the form of an operator's key, and no other token's. */
  mayBeKey(text: string): boolean {
    return keyPattern.test(text) || this.#isEnvironmentKey(text);
  }

  /** The keys, at most {@link operatorKeysMaxAgeMs} old. Simultaneous calls share one read. */
  state(): Promise<OperatorKeysState> {
    this.#reading ??= this.repository
      .load(operatorDecider, streams.operatorKeys(), { maxAgeMs: operatorKeysMaxAgeMs })
      .then(({ state }) => state)
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  #isEnvironmentKey(key: string): boolean {
    return this.environmentKey !== undefined && timingSafeEqual(sha256(key), sha256(this.environmentKey));
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export const issueOperatorKeySchema = z.strictObject({
  operator: operatorNameSchema
    .refine((name) => !reservedNames.includes(name), 'is reserved')
    .describe('Whose key it is: a short name, which stays in the log for good.'),
  role: operatorRoleSchema,
});

export interface IssuedOperatorKey {
  readonly keyId: OperatorKeyId;
  readonly operator: OperatorName;
  readonly role: OperatorRole;
  /** Known to nobody else: only its hash is stored. */
  readonly key: string;
  readonly position: Position | undefined;
}

/** Makes a key for an operator. An owner's key ends the use of the environment's key for good. */
export class IssueOperatorKey extends Command<IssuedOperatorKey> {
  constructor(
    readonly input: z.infer<typeof issueOperatorKeySchema>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(IssueOperatorKey)
export class IssueOperatorKeyHandler implements ICommandHandler<IssueOperatorKey> {
  constructor(private readonly deciders: DeciderHandler) {}

  /** @throws {Rejected} too-many-operator-keys */
  async execute({ input, context }: IssueOperatorKey): Promise<IssuedOperatorKey> {
    const keyId = operatorKeyIdSchema.parse(randomBytes(6).toString('hex'));
    const key = `boxoffice-${keyId}-${randomBytes(secretBytes).toString('base64url')}`;
    // 256 random bits cannot be found by trying, so a fast hash protects them as well as a slow one, and costs nothing when
    // every request is checked.
    const keyHash = sha256(key).toString('hex');
    const issue = { kind: 'issue', keyId, ...input, keyHash } as const;
    const stream = streams.operatorKeys();
    const { position } = await this.deciders.executeOrThrow(operatorDecider, stream, issue, context);
    return { keyId, ...input, key, position };
  }
}

export const revokeOperatorKeySchema = z.strictObject({
  reason: z.string().trim().min(1).max(200).describe('Recorded in the log.'),
});

/** Ends a key. Repeating it changes nothing. */
export class RevokeOperatorKey extends Command<{
  readonly keyId: OperatorKeyId;
  readonly position: Position | undefined;
}> {
  constructor(
    readonly keyId: OperatorKeyId,
    readonly input: z.infer<typeof revokeOperatorKeySchema>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(RevokeOperatorKey)
export class RevokeOperatorKeyHandler implements ICommandHandler<RevokeOperatorKey> {
  constructor(private readonly deciders: DeciderHandler) {}

  /** @throws {Rejected} operator-key-unknown, last-owner-key */
  async execute({ keyId, input, context }: RevokeOperatorKey) {
    const revoke = { kind: 'revoke', keyId, reason: input.reason } as const;
    const stream = streams.operatorKeys();
    const { position } = await this.deciders.executeOrThrow(operatorDecider, stream, revoke, context);
    return { keyId, position };
  }
}
