import { randomUUID } from 'node:crypto';
import type { NewEvent } from '../../src/event-store/port.js';

/** A small event with an id of its own. */
export function newEvent(data: unknown = {}, type = 'Noted'): NewEvent {
  return { id: randomUUID(), type, data, metadata: { correlationId: 'c-1' } };
}

/** `count` small events whose data is their index. */
export function newEvents(count: number): NewEvent[] {
  return Array.from({ length: count }, (_, n) => newEvent({ n }));
}

/** A new stream of a category. */
export function streamIn(category: string): string {
  return `${category}-${randomUUID()}`;
}

/** A new category, so that tests can share one store. */
export function freshCategory(): string {
  return `c${randomUUID().replaceAll('-', '')}`;
}
