import { sharedStartTimeoutMs } from '../services/shared-mariadb.js';
import { ClusterOffice } from './cluster-office.js';
import { Office } from './office.js';

/** What a test needs of an office, however many processes it is. */
export interface AnyOffice {
  readonly url: string;
  readonly config: { readonly ADMIN_KEY?: string | undefined };
  close(): Promise<void>;
}

/** Every way the product runs: what holds in one must hold in the other. */
export const modes: readonly { mode: string; open(): Promise<AnyOffice> }[] = [
  { mode: 'in one process on embedded engines', open: () => Office.open() },
  { mode: 'in four processes on EventStoreDB, MariaDB and Redis', open: () => ClusterOffice.open() },
];

/** The first suite of a run may have to install and start the servers. */
export const openTimeoutMs = sharedStartTimeoutMs + 60_000;
