import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HistoryUnavailable, MomentAhead } from '../../analysis/history/port.js';
import { Rejected } from '../../domain/rejection.js';
import { StoreBusy, StoreUnavailable } from '../../event-store/port.js';
import { HasherBusy } from '../../platform/password-hasher.js';
import type { SecurityEvents } from '../../platform/security-events.js';
import { ReadModelsUnavailable } from '../../queries/database.js';
import { InvalidCursor } from '../../queries/paging.js';
import { pathOf, problemLanguage } from '../request.js';
import { securityEventOf } from '../security-reports.js';
import { ApiProblem, type Bilingual, problemHeaders, retryAfter } from './problem.js';
import type { ApiCode } from './problem-kinds.js';

/** Answers everything that is thrown as a problem document. A defect is logged, and its reply says nothing about it. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('Api');

  constructor(private readonly security: SecurityEvents) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const securityEvent = securityEventOf(error, request);
    if (securityEvent) this.security.record(securityEvent);
    sendProblem(error, request, http.getResponse<FastifyReply>(), this.#logger);
  }
}

/** Sends what was thrown as a problem document; a reply that has begun is cut off instead. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): void {
  const known = toProblem(error, request);
  if (!known || (known.status >= 500 && !(error instanceof ApiProblem))) log(logger, error, request);
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const problem =
    known ??
    new ApiProblem('internal', {
      en: `Something went wrong here: quote request ${request.id} to us.`,
      ko: `서버 오류가 발생했습니다. 문의하실 때 요청 아이디 ${request.id}를 알려 주세요.`,
    });
  const language = problemLanguage(request);
  reply.code(problem.status).headers({ ...problem.extras.headers, ...problemHeaders(language) });
  reply.send(`${JSON.stringify(problem.toDocument(pathOf(request), request.id, language))}\n`);
}

function log(logger: Logger, error: unknown, request: FastifyRequest): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logger.error(`request ${request.id} ${request.method} ${pathOf(request)}: ${text}`);
}

/** What Fastify refuses before a controller is reached, by its error codes. */
const fastifyProblems: Readonly<Record<string, readonly [ApiCode, Bilingual]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [
    'body-too-large',
    { en: 'The body is larger than this endpoint accepts.', ko: '허용된 크기보다 큰 본문입니다.' },
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported-media-type',
    { en: 'Send the body as application/json.', ko: '본문을 application/json으로 보내 주세요.' },
  ],
  FST_ERR_CTP_INVALID_JSON_BODY: [
    'malformed-json',
    { en: 'The body is not JSON.', ko: '본문이 JSON이 아닙니다.' },
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: [
    'malformed-json',
    { en: 'The body is empty: send JSON.', ko: '본문이 비어 있습니다. JSON을 보내 주세요.' },
  ],
};

/** The problem that answers a thrown error; undefined for a defect. */
export function toProblem(error: unknown, request: FastifyRequest): ApiProblem | undefined {
  if (error instanceof ApiProblem) return error;
  if (error instanceof Rejected) return fromRejection(error);
  if (error instanceof StoreBusy) {
    const detail = {
      en: 'More is being written than the event log takes, and nothing was done: try again shortly.',
      ko: '쓰기 요청이 몰려 처리하지 못했습니다. 잠시 후 다시 시도해 주세요.',
    };
    return new ApiProblem('busy', detail, { headers: retryAfter(1) });
  }
  if (error instanceof StoreUnavailable) {
    const detail = {
      en: 'The outcome is unknown: repeat the request with the same idempotency key.',
      ko: '처리 결과를 알 수 없습니다. 같은 멱등 키로 다시 요청해 주세요.',
    };
    return new ApiProblem('unavailable', detail, { headers: retryAfter(1) });
  }
  if (error instanceof ReadModelsUnavailable) {
    const detail = {
      en: 'The database does not answer: repeat the request, a command with the same idempotency key.',
      ko: '데이터베이스가 응답하지 않습니다. 다시 요청해 주세요. 변경 요청은 같은 멱등 키를 사용합니다.',
    };
    return new ApiProblem('unavailable', detail, { headers: retryAfter(1) });
  }
  if (error instanceof HasherBusy) {
    const detail = {
      en: 'Too many people are logging in: try again in a few seconds.',
      ko: '로그인이 몰리고 있습니다. 몇 초 뒤에 다시 시도해 주세요.',
    };
    return new ApiProblem('unavailable', detail, { headers: retryAfter(5) });
  }
  if (error instanceof InvalidCursor) {
    const errors = [{ field: 'cursor', message: 'must be the nextCursor of an earlier page of this list' }];
    return new ApiProblem(
      'validation-failed',
      { en: 'Start again from the first page.', ko: '첫 페이지부터 다시 조회해 주세요.' },
      { errors },
    );
  }
  if (error instanceof MomentAhead) {
    const errors = [{ field: 'at', message: `is still to come: the latest is ${error.latest}` }];
    return new ApiProblem(
      'validation-failed',
      {
        en: `Ask for ${error.latest} or earlier.`,
        ko: `${error.latest} 또는 그 이전 시점으로 조회해 주세요.`,
      },
      { errors },
    );
  }
  if (error instanceof HistoryUnavailable) {
    return new ApiProblem('unavailable', historyAdvice[error.reason], { headers: retryAfter(2) });
  }
  return fromFramework(error, request);
}

const historyAdvice: Readonly<Record<HistoryUnavailable['reason'], Bilingual>> = {
  building: {
    en: 'The history is being read from the log: ask again in a moment.',
    ko: '이력을 로그에서 읽는 중입니다. 잠시 후 다시 조회해 주세요.',
  },
  'too-many-builds': {
    en: 'Other histories are being read from the log: ask again in a moment.',
    ko: '다른 이력을 로그에서 읽는 중입니다. 잠시 후 다시 조회해 주세요.',
  },
  'too-large': {
    en: 'This history is larger than this server keeps in memory: ask the operators.',
    ko: '이 서버의 메모리 한도보다 큰 이력입니다. 운영자에게 문의해 주세요.',
  },
};

function fromRejection({ rejection }: Rejected): ApiProblem {
  const { code, message, details } = rejection;
  const headers = code === 'busy' || code === 'hold-in-progress' ? { headers: retryAfter(1) } : {};
  return ApiProblem.ofEnglish(code, message, {
    ...headers,
    ...(details === undefined ? {} : { facts: details }),
  });
}

function fromFramework(error: unknown, request: FastifyRequest): ApiProblem | undefined {
  const cause = error instanceof HttpException ? error.cause : error;
  const code = hasCode(cause) ? cause.code : undefined;
  const known = code === undefined ? undefined : fastifyProblems[code];
  if (known) return new ApiProblem(...known);
  const status = error instanceof HttpException ? error.getStatus() : statusOf(error);
  if (status === undefined || status >= 500) return undefined;
  if (status === 404) return unmatched(request);
  if (status === 401)
    return new ApiProblem('unauthenticated', { en: 'Log in first.', ko: '먼저 로그인해 주세요.' });
  if (status === 403)
    return new ApiProblem('forbidden', { en: 'You may not do this.', ko: '허용되지 않은 요청입니다.' });
  return new ApiProblem('malformed-request', {
    en: 'The request is malformed: check its URL, headers and body.',
    ko: '잘못된 요청입니다. URL, 헤더, 본문을 확인해 주세요.',
  });
}

/** No route has this path, or none has it with this method. */
function unmatched(request: FastifyRequest): ApiProblem {
  const methods = request.server.methodsOf(request.url);
  if (methods.length === 0) {
    return new ApiProblem('not-found', {
      en: 'There is nothing at this address: see /docs for what there is.',
      ko: '이 주소에는 아무것도 없습니다. /docs에서 주소를 확인해 주세요.',
    });
  }
  const allow = methods.join(', ');
  return new ApiProblem(
    'method-not-allowed',
    { en: `Use one of ${allow} here.`, ko: `이 주소에서는 ${allow} 메서드만 사용할 수 있습니다.` },
    { headers: { Allow: allow } },
  );
}

function hasCode(error: unknown): error is { readonly code: string } {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
