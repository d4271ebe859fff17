import { runServer } from './cli/start.js';

process.exitCode = await runServer(process.env);
