/** The wire server in a process of its own: its options are the first argument, as JSON. */
import type { FaultPlan } from './faults.js';
import { WireServer, type WireServerOptions } from './server.js';

// Only child-server.ts starts this file, with what it was given.
const options = JSON.parse(process.argv[2] ?? '{}') as WireServerOptions;
const server = await new WireServer({
  ...options,
  die: () => process.kill(process.pid, 'SIGKILL'),
}).start();

process.on('message', (plan: FaultPlan) => {
  server.faults.set(plan);
  process.send?.({ kind: 'planned' });
});
// The process that started it has ended.
process.on('disconnect', () => process.exit());
process.send?.({ kind: 'listening', port: server.port });
