#!/usr/bin/env node
import { existsSync } from 'node:fs';

// Who reads the output may have seen enough (`| head`): the command finishes all the same, with its own exit code.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) {
  const { runCli } = await import(main.href);
  process.exitCode = await runCli(process.argv.slice(2));
} else {
  console.error('boxoffice is not built yet: run `npm run build` first');
  process.exitCode = 2;
}
