/** Set by the Jest project (jest.config.mjs). */
const { testSize = 'modest' } = globalThis as { testSize?: 'modest' | 'full' };

/** How many of something a test tries: the first number in `npm test`, the second in `npm run test:full`. */
export function bySize(modest: number, full: number): number {
  return testSize === 'full' ? full : modest;
}
