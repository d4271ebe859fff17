/** What a database driver says of its error beside the message; undefined when it says nothing. */
export function driverErrorField(error: unknown, field: 'code' | 'errno' | 'fatal'): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  // TypeORM wraps what the driver threw for a query, but not for a connection.
  const cause = 'driverError' in error ? error.driverError : error;
  if (typeof cause !== 'object' || cause === null) return undefined;
  // Any object may be asked for any property; it is unknown what it is.
  return (cause as Record<string, unknown>)[field];
}
