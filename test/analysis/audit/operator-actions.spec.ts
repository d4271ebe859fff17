import { type OperatorAction, operatorActions } from '../../../src/analysis/audit/operator-actions.js';
import { asPosition, type RecordedEvent } from '../../../src/event-store/port.js';
import { deriveId } from '../../../src/platform/derive-id.js';

let position = 0;

function event(
  actor: object,
  correlationId: string,
  stream = 'venue-x',
  type = 'SectionPublished',
): RecordedEvent {
  position++;
  const metadata = {
    commandId: deriveId('command'),
    correlationId,
    causationId: correlationId,
    actor,
    occurredAt: '2026-11-22T09:00:00.000Z',
    schemaVersion: 1,
  };
  const at = { revision: 0, position: asPosition(position), recordedAtMs: 0 };
  return { id: deriveId(position), type, data: {}, metadata, stream, ...at };
}

const mina = { kind: 'admin', operator: 'mina', keyId: 'aaaaaaaaaaaa' };
const jun = { kind: 'admin', operator: 'jun', keyId: 'bbbbbbbbbbbb' };

async function actionsOf(events: readonly RecordedEvent[], operator?: string) {
  async function* log() {
    // In two pages, as a long log comes.
    yield events.slice(0, 2);
    yield events.slice(2);
  }
  const actions: OperatorAction[] = [];
  for await (const action of operatorActions(log(), operator)) actions.push(action);
  return actions;
}

beforeEach(() => {
  position = 0;
});

it('what one request of an operator wrote is one action, also between events of others', async () => {
  const actions = await actionsOf([
    event(mina, 'import'),
    event({ kind: 'process', name: 'expiry' }, 'sweep'),
    event(mina, 'import', 'venue-y'),
    event(jun, 'refund', 'order-1', 'OrderCancelled'),
    event(mina, 'import', 'performance-z', 'PerformancePublished'),
  ]);
  expect(actions).toMatchObject([
    {
      operator: 'mina',
      keyId: 'aaaaaaaaaaaa',
      correlationId: 'import',
      position: 1,
      events: { SectionPublished: 2, PerformancePublished: 1 },
      streams: ['venue-x', 'venue-y', 'performance-z'],
    },
    { operator: 'jun', correlationId: 'refund', events: { OrderCancelled: 1 } },
  ]);
});

it('two operators who send the same request id are told apart', async () => {
  const actions = await actionsOf([event(mina, 'mine'), event(jun, 'mine')]);
  expect(actions.map(({ operator }) => operator)).toEqual(['mina', 'jun']);
});

it('one operator can be asked for, and events from before operators had names have none', async () => {
  const events = [event({ kind: 'admin' }, 'old'), event(mina, 'new')];
  expect((await actionsOf(events, 'mina')).map(({ correlationId }) => correlationId)).toEqual(['new']);
  expect(await actionsOf(events, 'unnamed')).toMatchObject([{ correlationId: 'old', keyId: null }]);
});

it('no action is left out, however many are open at the same time', async () => {
  const events = Array.from({ length: 2_500 }, (_, index) => event(mina, `request-${index}`));
  expect(await actionsOf(events)).toHaveLength(2_500);
});

it('metadata that cannot be read is passed over', async () => {
  const broken = { ...event(mina, 'x'), metadata: { actor: { kind: 'admin' } } };
  const actions = await actionsOf([broken, { ...event(mina, 'y'), metadata: null }, event(mina, 'z')]);
  expect(actions.map(({ correlationId }) => correlationId)).toEqual(['z']);
});
