import type { Config } from '../../src/platform/config.js';
import { sharedStartTimeoutMs } from '../services/shared-database.js';
import { ChildOffice } from './child-office.js';
import { ClusterOffice } from './cluster-office.js';
import type { OfficeProcess } from './guarded-office.js';
import { Office } from './office.js';

/** What a test needs of an office, however many processes it is. */
export interface AnyOffice {
  readonly url: string;
  readonly config: { readonly ADMIN_KEY?: string | undefined };
  close(): Promise<void>;
}

/** An office with the settings of a command line that belongs to it. */
export interface OfficeOfOurs extends AnyOffice {
  readonly config: Config;
  readonly environment: Readonly<Record<string, string>>;
  /** Stops all processes in good order; what they stored stays. */
  stop(): Promise<void>;
  /** Starts them again. */
  start(): Promise<void>;
}

/** Set by the Jest project that may start database servers (jest.config.mjs). */
const { officeEngines = 'embedded' } = globalThis as { officeEngines?: 'embedded' | 'servers' };

const ways = [
  { engines: 'embedded', mode: 'in one process on embedded engines' },
  { engines: 'servers', mode: 'in four processes on EventStoreDB, a database server and Redis' },
] as const;
const modesOfThisRun = ways.filter(({ engines }) => engines === officeEngines);

/** The way the product runs in this Jest project: what holds in one way must hold in the other. */
export const modes: readonly { mode: string; open(): Promise<OfficeOfOurs> }[] = modesOfThisRun.map(
  ({ engines, mode }) => ({
    mode,
    open: () => (engines === 'embedded' ? Office.open() : ClusterOffice.open()),
  }),
);

/** An office whose processes can be ended in any way. */
export interface ProcessOffice extends AnyOffice {
  readonly config: Config;
  /** Where the process answers that projects. */
  readonly projectorUrl: string;
  /** Tells every process to stop, then starts as many. @returns the exit statuses: 0 of who ended by itself. */
  restart(): Promise<(number | null)[]>;
  /** Starts a process that serves fans until it is killed; each moment halts one request: see moments.mjs. */
  startHalting(moments: readonly string[]): Promise<OfficeProcess>;
  /** Starts a successor of a process that was killed, unless others go on with its work. */
  recover(): Promise<void>;
}

/** The same ways, for who ends processes. */
export const processModes: readonly {
  mode: string;
  /** @param env settings of all its processes. */
  open(env?: Record<string, string>): Promise<ProcessOffice>;
}[] = modesOfThisRun.map(({ engines, mode }) => ({
  mode,
  open: (env) =>
    engines === 'embedded' ? ChildOffice.open(env) : ClusterOffice.open({ RESUME_AFTER_MS: '3000', ...env }),
}));

/** The first suite of a run may have to install and start the servers. */
export const openTimeoutMs = sharedStartTimeoutMs + 60_000;
