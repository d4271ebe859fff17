// A real server in a process of its own that kills itself at one named moment:
// DIE_AT=before:OrderPaid or DIE_AT=after:PointsSpent (the first append with such an event).
import { startBoxoffice } from '../../dist/boxoffice.js';
import { readConfig } from '../../dist/platform/config.js';

const [moment, type] = (process.env.DIE_AT ?? '').split(':');
const die = () => process.kill(process.pid, 'SIGKILL');
const dyingStore = (store) =>
  new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name, target);
      if (name !== 'append') return typeof member === 'function' ? member.bind(target) : member;
      return async (stream, expected, events) => {
        const isTheMoment = events.some((event) => event.type === type);
        if (isTheMoment && moment === 'before') die();
        const result = await target.append(stream, expected, events);
        if (isTheMoment && moment === 'after') die();
        return result;
      };
    },
  });

const running = await startBoxoffice(readConfig(process.env), { wrapStore: dyingStore });
process.once('SIGTERM', () => running.close());
console.log(JSON.stringify({ url: running.url, paymentUrl: running.paymentUrl }));
