import { hash } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CommandContext } from '../commands/command-context.js';
import { type EventStore, NoEventAtPosition, type Position } from '../event-store/port.js';
import type { EventMetadata } from '../events/event.js';
import { deriveId } from '../platform/derive-id.js';
import {
  IDEMPOTENCY_RECORDS,
  type IdempotencyRecords,
  type RecordedReply,
} from '../platform/idempotency-records.js';
import { userOf } from './guards.js';
import { ApiProblem, problemHeaders, retryAfter } from './problems/problem.js';
import { toProblem } from './problems/problem-filter.js';
import { contextOf, pathOf, problemLanguage } from './request.js';

/** A command's reply with the log position of its effect, for reading one's own writes. */
export type Positioned<Body> = Body & { readonly position: Position | null };

/** The body with its position, which goes into the X-Log-Position header too. */
export function withPosition<Body extends object>(
  reply: FastifyReply,
  body: Body,
  position: Position | undefined,
): Positioned<Body> {
  setLogPosition(reply, position);
  return { ...body, position: position ?? null };
}

export function setLogPosition(reply: FastifyReply, position: Position | null | undefined): void {
  if (position !== undefined && position !== null) reply.header('X-Log-Position', String(position));
}

interface CommandReply<Body> {
  readonly status: number;
  readonly body: Positioned<Body>;
  /** False: a retry runs again, because the answer is not final. */
  readonly isFinal: boolean;
}

const keyPattern = /^[\x20-\x7e]{1,255}$/;

/** What an idempotency key may be for. */
type Operation = 'hold' | 'pay' | 'charge';

/** Refusals that say nothing final about the request: a retry with the same key runs again. */
const passingStatuses = new Set([401, 403, 429]);
const passingCode = 'hold-in-progress';

/**
 * Gives a repetition the first answer if it is still known. Else (after a restart, a lapse of Redis, or an answer that was
 * not final) the command runs again, without a second effect, because its ids derive from the key.
 */
@Injectable()
export class Idempotency {
  readonly #logger = new Logger('Idempotency');

  constructor(@Inject(IDEMPOTENCY_RECORDS) private readonly records: IdempotencyRecords) {}

  /**
   * @param operation what the key is for: one key may be used once for each.
   * @param body the validated body.
   * @throws {ApiProblem} idempotency-key-missing, idempotency-key-in-flight, idempotency-key-reused
   */
  async run<Body>(
    operation: Operation,
    http: { readonly request: FastifyRequest; readonly reply: FastifyReply; readonly body: unknown },
    work: (context: CommandContext) => Promise<CommandReply<Body>>,
  ): Promise<unknown> {
    const { request, reply } = http;
    const key = keyOf(request);
    const commandId = deriveId('command', userOf(request), operation, key);
    const digest = digestOf(operation, key, request, http.body);
    const beginning = await this.records.begin(commandId, digest);
    switch (beginning.kind) {
      case 'started':
        return this.#runFirst(commandId, digest, http, work);
      case 'replay':
        return replay(beginning.reply, reply);
      case 'in-flight':
        throw new ApiProblem(
          'idempotency-key-in-flight',
          {
            en: 'The first request with this idempotency key is still running: ask again in a moment.',
            ko: '이 멱등 키로 보낸 첫 요청을 아직 처리하고 있습니다. 잠시 후 다시 요청해 주세요.',
          },
          { headers: retryAfter(1) },
        );
      case 'mismatch':
        throw new ApiProblem('idempotency-key-reused', {
          en: 'This idempotency key belongs to another request: use a new key.',
          ko: '이 멱등 키는 다른 요청에 사용되었습니다. 새 키를 사용해 주세요.',
        });
    }
  }

  async #runFirst<Body>(
    commandId: string,
    digest: string,
    { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
    work: (context: CommandContext) => Promise<CommandReply<Body>>,
  ): Promise<Positioned<Body>> {
    const context = contextOf(request, commandId);
    let result: CommandReply<Body>;
    try {
      result = await work(context);
    } catch (error) {
      await this.#keep(commandId, digest, refusalOf(error, request));
      throw error;
    }
    const { status, body, isFinal } = result;
    const { position } = body;
    const headers: Record<string, string> = position === null ? {} : { 'X-Log-Position': String(position) };
    const { correlationId } = context;
    await this.#keep(commandId, digest, isFinal ? { status, body, headers, correlationId } : undefined);
    reply.code(status);
    setLogPosition(reply, position);
    return body;
  }

  /** A record that cannot be kept is only logged: the command was carried out, and the client must learn that. */
  async #keep(commandId: string, digest: string, reply: RecordedReply | undefined): Promise<void> {
    try {
      if (reply) await this.records.complete(commandId, digest, reply);
      else await this.records.abandon(commandId);
    } catch (error) {
      this.#logger.error(`the reply to command ${commandId} could not be kept: ${String(error)}`);
    }
  }
}

/**
 * Whether the events that a reply reports are in the log. A refusal reports none, so it is valid for any log. If the event
 * at the position has another correlation id, the reply does not count: its request runs again, and has no second effect
 * if its work was done.
 */
export async function isReplyOf(
  log: Pick<EventStore, 'readAll'>,
  { headers, correlationId }: RecordedReply,
): Promise<boolean> {
  const position = headers['X-Log-Position'];
  if (position === undefined) return true;
  // Replies carry positions that an event store returned.
  const from = Number(position) as Position;
  const [event] = await log.readAll({ from, limit: 1 }).catch((error: unknown) => {
    if (error instanceof NoEventAtPosition) return [];
    throw error;
  });
  if (event?.position !== from) return false;
  // encodeEvent writes the metadata of every event.
  const metadata = event.metadata as EventMetadata;
  return correlationId === undefined || metadata.correlationId === correlationId;
}

function keyOf(request: FastifyRequest): string {
  const key = request.headers['idempotency-key'];
  if (typeof key === 'string' && keyPattern.test(key)) return key;
  throw new ApiProblem('idempotency-key-missing', {
    en: 'Send an Idempotency-Key header of 1 to 255 printable ASCII characters, new for every intention.',
    ko: '인쇄 가능한 ASCII 문자 1~255자로 된 Idempotency-Key 헤더를 보내 주세요. 새로운 요청마다 새 키를 사용합니다.',
  });
}

/** Longest hold kept as it is: hashing it would cost more than the few bytes it saves. */
const maxPlainDigest = 200;

/**
 * Equal exactly for requests that ask for the same: method and path, then the body as it was understood. Only seats are
 * kept as they are. What may name a payment method is hashed together with the idempotency key: records do not contain
 * that key, so a method cannot be found by trying all there are.
 */
function digestOf(operation: Operation, key: string, request: FastifyRequest, body: unknown): string {
  const asked = `${request.method} ${pathOf(request)} ${JSON.stringify(body)}`;
  // A hash has no space in it, so that it never equals a request kept as it is.
  if (operation === 'hold' && asked.length <= maxPlainDigest) return asked;
  return hash('sha256', `${key}\n${asked}`, 'base64');
}

/** A refusal to repeat; undefined when a retry should run again. */
function refusalOf(error: unknown, request: FastifyRequest): RecordedReply | undefined {
  const problem = toProblem(error, request);
  if (!problem || problem.status >= 500) return undefined;
  if (passingStatuses.has(problem.status) || problem.code === passingCode) return undefined;
  const language = problemLanguage(request);
  return {
    status: problem.status,
    body: problem.toDocument(pathOf(request), request.id, language),
    headers: { ...problem.extras.headers, ...problemHeaders(language) },
  };
}

function replay({ status, body, headers }: RecordedReply, reply: FastifyReply): unknown {
  reply.code(status).headers({ ...headers, 'Idempotency-Replayed': 'true' });
  return body;
}
