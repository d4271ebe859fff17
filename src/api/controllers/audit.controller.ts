import { Controller, Get, Inject } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { auditLog } from '../../analysis/audit/audit-log.js';
import type { AuditReport } from '../../analysis/audit/report.js';
import { CLOCK, EVENT_STORE } from '../../commands/ports.js';
import type { EventStore } from '../../event-store/port.js';
import type { Clock } from '../../platform/clock.js';

/** Operators' endpoint: checks the whole log against the rules that may never break. */
@Controller('v1/admin/audit')
export class AuditController {
  #running: Promise<AuditReport> | undefined;

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** One audit at a time: who asks while one runs gets that one's report. */
  @Get()
  @RouteConfig({ operatorsOnly: true, load: 'long' })
  audit(): Promise<AuditReport> {
    this.#running ??= auditLog(this.store, { now: this.clock.now() }).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}
