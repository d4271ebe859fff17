import { existsSync } from 'node:fs';

/**
 * The compiled writer thread. In a build it lies beside this module; run from source, as tests are, a worker
 * cannot load TypeScript, so the one in dist/ is taken.
 * @throws {Error} when there is no build.
 */
export function writerThreadFile(): URL {
  const beside = new URL('./writer-thread.js', import.meta.url);
  if (existsSync(beside)) return beside;
  const built = new URL('../../../dist/event-store/sqlite/writer-thread.js', import.meta.url);
  if (existsSync(built)) return built;
  throw new Error('the event store needs its compiled writer thread: run `npm run build` first');
}
