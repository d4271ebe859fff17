/** The token {@link Readiness} is injected by. */
export const READINESS = Symbol('Readiness');

export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, for whoever is on duty. */
  readonly detail: string;
}

/** Whether this process should be sent requests: log and database answer, the read models follow the log. */
export interface Readiness {
  check(): Promise<{ readonly ready: boolean; readonly checks: readonly ReadinessCheck[] }>;
}
