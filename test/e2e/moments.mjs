// Moments at which a process of the office stands still or dies: its environment names them.
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * The wrapped store halts one request at each moment, in their order: nothing of that request happens any more,
 * as if the process had died there. A line on standard output tells of each.
 * @param names such as `after:ChargeRequested,before:OrderPaid`: around the append of an event of that type.
 */
export function haltingStore(names) {
  const moments = names.split(',').filter((name) => name !== '');
  const haltAt = async (moment, events) => {
    if (!events.some(({ type }) => moments[0] === `${moment}:${type}`)) return;
    console.log(`halted ${moments.shift()}`);
    await new Promise(() => undefined);
  };
  return (store) =>
    new Proxy(store, {
      get(target, name) {
        const member = Reflect.get(target, name, target);
        if (name !== 'append') return typeof member === 'function' ? member.bind(target) : member;
        return async (stream, expected, events) => {
          await haltAt('before', events);
          const result = await target.append(stream, expected, events);
          await haltAt('after', events);
          return result;
        };
      },
    });
}

/**
 * Pages of the whole log wait while a file exists: rebuilds read it page by page, the office follows it.
 * @param file its name; the wrapped store is untouched without one.
 */
export function waitingStore(file) {
  return (store) =>
    new Proxy(store, {
      get(target, name) {
        const member = Reflect.get(target, name, target);
        if (name !== 'readAll' || !file) return typeof member === 'function' ? member.bind(target) : member;
        return async (options) => {
          while (existsSync(file)) await delay(20);
          return target.readAll(options);
        };
      },
    });
}

/**
 * Kills the process in the third transaction from now that writes rows.
 * @param moment `before` its commit, when the rows of one table are written and others are not; or `after` it.
 * @param session the class of the sessions that projections write through.
 */
export function dieAtCommit(moment, session) {
  const { upsert, commit } = session.prototype;
  let transactions = 0;
  let hasRows = false;
  const die = () => process.kill(process.pid, 'SIGKILL');
  session.prototype.upsert = async function (...rows) {
    await upsert.apply(this, rows);
    if (hasRows) return;
    hasRows = true;
    transactions++;
    if (transactions === 3 && moment === 'before') die();
  };
  session.prototype.commit = async function () {
    await commit.apply(this);
    if (transactions === 3) die();
    hasRows = false;
  };
}
