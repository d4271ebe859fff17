/** A system error's code, such as `ENOENT`. Node's own errors are no `instanceof` a test environment's Error. */
export function errorCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
