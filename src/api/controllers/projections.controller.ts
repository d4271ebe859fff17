import { Controller, Get, Header, HttpCode, Inject, Post } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { ApiProblem } from '../problem.js';
import {
  PROJECTION_OPERATIONS,
  type ProjectionControl,
  type ProjectionOperations,
  type ProjectionsReport,
} from '../projection-operations.js';
import { ValidParam } from '../validation.js';

const nameSchema = z.string().regex(/^[a-z][a-z-]{0,63}$/, 'must be the name of a projection');

/** Operators' endpoints: how far the read models are, and stopping them and letting them go on. */
@Controller('v1/ops/projections')
export class ProjectionsController {
  constructor(@Inject(PROJECTION_OPERATIONS) private readonly operations: ProjectionOperations) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @RouteConfig({ operatorsOnly: true })
  report(): Promise<ProjectionsReport> {
    return this.operations.report();
  }

  @Post('pause')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: true })
  pauseAll(): Promise<ProjectionsReport> {
    return this.#control('pause');
  }

  @Post('resume')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: true })
  resumeAll(): Promise<ProjectionsReport> {
    return this.#control('resume');
  }

  @Post(':name/pause')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: true })
  pause(@ValidParam('name', nameSchema) name: string): Promise<ProjectionsReport> {
    return this.#control('pause', name);
  }

  @Post(':name/resume')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: true })
  resume(@ValidParam('name', nameSchema) name: string): Promise<ProjectionsReport> {
    return this.#control('resume', name);
  }

  @Post(':name/retry')
  @HttpCode(200)
  @RouteConfig({ operatorsOnly: true })
  retry(@ValidParam('name', nameSchema) name: string): Promise<ProjectionsReport> {
    return this.#control('retry', name);
  }

  async #control(control: ProjectionControl, name?: string): Promise<ProjectionsReport> {
    if (!(await this.operations.control(control, name))) {
      throw new ApiProblem('not-found', 'There is no projection of this name: list them first.');
    }
    return this.operations.report();
  }
}
