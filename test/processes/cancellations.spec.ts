import type { Command } from '@nestjs/cqrs';
import { SettleCancellation } from '../../src/commands/orders/settle-cancellation.js';
import { type ScheduleId, scheduleIdSchema } from '../../src/events/ids.js';
import { deriveId } from '../../src/platform/derive-id.js';
import { Cancellations } from '../../src/processes/cancellations.js';
import type { Commands } from '../../src/processes/periodic-task.js';
import { ManualClock } from '../commands/manual-clock.js';
import { eventually } from '../services/wait-until.js';
import { RecordedLog } from './support.js';

it('settles the other cancelled dates while more than fit in a round fail', async () => {
  const dates = Array.from({ length: 151 }, (_, index) => scheduleIdSchema.parse(deriveId(`date ${index}`)));
  const last = dates.at(-1);
  const settled: ScheduleId[] = [];
  const commands: Commands = {
    async execute<Result>(command: Command<Result>): Promise<Result> {
      if (!(command instanceof SettleCancellation) || command.scheduleId !== last)
        throw new Error('poisoned');
      settled.push(command.scheduleId);
      return {} as Result; // it is only logged
    },
  };
  const queries = { cancelledSchedulesToSettle: async (limit: number) => dates.slice(0, limit) };
  const log = new RecordedLog();
  const cancellations = new Cancellations(commands, queries, new ManualClock(), log, 1);
  cancellations.start();
  await eventually(() => settled.length > 0);
  await cancellations.stop();
  // Twenty of the dates that fail are named, the others are counted.
  expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(21);
});
