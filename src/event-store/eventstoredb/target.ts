/** What to connect to. */
export interface Target {
  readonly connectionString: string;
  /**
   * Whether every call asks for the leader, so that another node refuses it: a follower may not have yet what was
   * just appended, and what is read is what commands decide on.
   */
  readonly requiresLeader: boolean;
}

const preference = /[?&]nodePreference=([^&]*)/i;

/** A cluster's leader, as the client prefers by itself, unless the connection string prefers another node. */
export function targetOf(connectionString: string): Target {
  const preferred = preference.exec(connectionString)?.[1]?.toLowerCase();
  return { connectionString, requiresLeader: preferred === undefined || preferred === 'leader' };
}
