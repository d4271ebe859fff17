import threads from 'node:worker_threads';
import { call } from '../e2e/fan.js';
import { Office } from '../e2e/office.js';
import { eventually } from '../services/wait-until.js';

it.each([
  ['event-store/sqlite/writer-thread', "the event store's writer thread is gone: it stopped"],
  ['projections/sqlite/writer-thread', 'the thread that writes the read models is gone: it stopped'],
  ['app/projection-thread', 'the thread that projects the log is gone: it stopped'],
])('an office that has lost its thread %s is not ready, and says why', async (part, detail) => {
  const workers: { readonly program: string; readonly worker: threads.Worker }[] = [];
  const { Worker } = threads;
  const starting = jest.spyOn(threads, 'Worker').mockImplementation((program, options) => {
    const worker = new Worker(program, options);
    workers.push({ program: String(program), worker });
    return worker;
  });
  const office = await Office.open({ LOG_LEVEL: 'silent' });
  try {
    const ready = () => call(office.url, 'GET', '/health/ready');
    await eventually(async () => (await ready()).status === 200);
    await workers.find(({ program }) => program.includes(part))?.worker.terminate();
    const reply = await ready();
    expect(reply.status).toBe(503);
    expect(reply.body.checks).toEqual([{ name: 'process', ok: false, detail }]);
    // Its supervisor asks whether it lives; that it ends by itself is said in test/cli/start.spec.ts.
    expect((await call(office.url, 'GET', '/health/live')).status).toBe(200);
  } finally {
    starting.mockRestore();
    await office.close();
  }
});
