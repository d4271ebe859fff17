import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Position } from '../event-store/port.js';
import { API_SETTINGS, type ApiSettings } from './api-settings.js';
import { ApiProblem, retryAfter } from './problems/problem.js';
import { logPosition } from './query-parameters.js';
import { check } from './validation.js';

/** The token {@link ReadPosition} is injected by. */
export const READ_POSITION = Symbol('ReadPosition');

/** The log has no event at a position that a client names, nor any after it. */
export class PositionBeyondLog extends Error {
  override readonly name = 'PositionBeyondLog';
}

/** How far the read models are. */
export interface ReadPosition {
  /**
   * True once every read model reached the position; false when that takes longer than `timeoutMs`.
   * @throws {PositionBeyondLog} as soon as it is known that the log does not have the position.
   */
  waitFor(position: Position, timeoutMs: number): Promise<boolean>;
  /** Where the read models are now. */
  current(): Position;
}

/**
 * Whether the read models have reached a position; waits for it if they have not. The answer comes without a promise when
 * nobody has to wait.
 * @param wanted undefined: no position, so there is nothing to wait for.
 * @returns false when it takes longer than `timeoutMs`.
 * @throws {PositionBeyondLog}
 */
export function hasReached(
  readPosition: ReadPosition,
  wanted: Position | undefined,
  timeoutMs: number,
): boolean | Promise<boolean> {
  return wanted === undefined || wanted <= readPosition.current() || readPosition.waitFor(wanted, timeoutMs);
}

/** The position that a read names, once the read models have reached it. */
export const WantedPosition = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const header = context.switchToHttp().getRequest<FastifyRequest>().headers['x-wait-for-position'];
  return header === undefined ? undefined : check(logPosition, header, 'X-Wait-For-Position');
});

/**
 * Read your writes: a read that names a log position waits, bounded, until the read models have reached it. At most
 * `maxWaitingForPosition` reads wait at the same time: those that wait have a place at the load gate.
 */
@Injectable()
export class WaitForPosition implements CanActivate {
  #waiting = 0;

  constructor(
    @Inject(READ_POSITION) private readonly readPosition: ReadPosition,
    @Inject(API_SETTINGS)
    private readonly settings: Pick<ApiSettings, 'waitForPositionTimeoutMs' | 'maxWaitingForPosition'>,
  ) {}

  /** @throws {ApiProblem} read-model-behind, position-unknown, validation-failed */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const header = context.switchToHttp().getRequest<FastifyRequest>().headers['x-wait-for-position'];
    if (header === undefined) return true;
    const wanted = check(logPosition, header, 'X-Wait-For-Position');
    return wanted <= this.readPosition.current() || this.#wait(wanted);
  }

  async #wait(wanted: Position): Promise<boolean> {
    if (this.#waiting >= this.settings.maxWaitingForPosition) throw readModelBehind();
    this.#waiting++;
    try {
      if (await this.readPosition.waitFor(wanted, this.settings.waitForPositionTimeoutMs)) return true;
    } catch (error) {
      throw error instanceof PositionBeyondLog ? positionUnknown() : error;
    } finally {
      this.#waiting--;
    }
    throw readModelBehind();
  }
}

function readModelBehind(): ApiProblem {
  return new ApiProblem(
    'read-model-behind',
    {
      en: 'The change is not readable yet: ask again in a moment.',
      ko: '변경 사항이 아직 반영되지 않았습니다. 잠시 후 다시 조회해 주세요.',
    },
    {
      headers: retryAfter(1),
    },
  );
}

function positionUnknown(): ApiProblem {
  return new ApiProblem('position-unknown', {
    en: 'No reply of ours has named this log position: read without X-Wait-For-Position.',
    ko: '서버가 알려 준 적이 없는 로그 위치입니다. X-Wait-For-Position 헤더 없이 조회해 주세요.',
  });
}
