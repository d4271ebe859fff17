import { existsSync } from 'node:fs';

/**
 * The compiled program of a thread. In a build it is beside the module that starts it. Tests run from source, where a
 * thread cannot load TypeScript: then the program in dist/ is used.
 * @param module `import.meta.url` of the module that starts the thread.
 * @param program its file name, such as `./writer-thread.js`.
 * @throws {Error} when there is no build.
 */
export function compiledFile(module: string, program: string): URL {
  const beside = new URL(program, module);
  if (existsSync(beside)) return beside;
  const source = beside.href.lastIndexOf('/src/');
  const built = new URL(`${beside.href.slice(0, source)}/dist/${beside.href.slice(source + '/src/'.length)}`);
  if (existsSync(built)) return built;
  throw new Error(`${program} is not compiled: run \`npm run build\` first`);
}
