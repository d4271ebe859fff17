import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { BodyTooLarge, problemCodes, readAtMost } from '../wire.js';

/** The reply to a request. */
export type Reply =
  | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  /** No answer: the connection stays open, then it is broken. */
  | { readonly kind: 'hang'; readonly forMs: number };

/** A refusal, sent as `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly errors: readonly { readonly field: string; readonly message: string }[] = [],
  ) {
    super(detail);
  }

  toBody(): unknown {
    const { status, code, message, errors } = this;
    return {
      type: 'about:blank',
      title: code,
      status,
      code,
      detail: message,
      ...(errors.length > 0 && { errors }),
    };
  }
}

const maxBodyBytes = 16 * 1024;

/** A 400 that names one field. */
export function invalid(field: string, message: string): Problem {
  return new Problem(400, problemCodes.invalidRequest, `${field}: ${message}`, [{ field, message }]);
}

/**
 * `value` as `schema` reads it.
 * @param name the name of the value in the error, when it is wrong as a whole.
 * @throws {Problem} 400 naming each wrong field.
 */
export function validated<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  name: string,
): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.slice(0, 20).map((issue) => {
    // For a field that is not allowed, zod gives the key and not the path.
    const path = issue.code === 'unrecognized_keys' ? issue.keys : issue.path;
    return { field: path.join('.') || name, message: issue.message };
  });
  const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  throw new Problem(400, problemCodes.invalidRequest, detail, errors);
}

/**
 * The request's JSON body.
 * @throws {Problem} 413 beyond 16 KiB, 400 when it is no JSON.
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  let bytes: Buffer;
  try {
    // Keeps the connection when reading stops early, because the refusal is sent on it.
    bytes = await readAtMost(request.iterator({ destroyOnReturn: false }), maxBodyBytes);
  } catch (error) {
    if (error instanceof BodyTooLarge) throw new Problem(413, 'body-too-large', error.message);
    throw error;
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid('body', 'must be JSON');
  }
}

/**
 * Checks `Authorization: Bearer <apiKey>` in a time that does not depend on how much of the key is right.
 * @throws {Problem} 401.
 */
export function authorise(request: IncomingMessage, apiKey: string): void {
  const sha256 = (text: string) => createHash('sha256').update(text).digest();
  const given = request.headers.authorization ?? '';
  if (!timingSafeEqual(sha256(given), sha256(`Bearer ${apiKey}`))) {
    throw new Problem(401, 'unauthorised', 'send the API key as Authorization: Bearer <key>');
  }
}

/** Answers with JSON; closes the connection of a request that was not read to its end. */
export function sendJson(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: unknown,
): void {
  if (response.destroyed || response.headersSent) return;
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': status >= 400 ? 'application/problem+json' : 'application/json',
    'content-length': bytes.byteLength,
    ...(!request.complete && { connection: 'close' }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  });
  response.end(bytes);
}
