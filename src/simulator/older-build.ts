import type { NewEvent } from '../event-store/port.js';
import type { EventMetadata } from '../events/event.js';

/** Whether the build before wrote such an event otherwise; see events/registry.ts. */
export function isOtherInOlderBuild({ type }: NewEvent): boolean {
  return type === 'ChargeRequested';
}

/** The event as the build before wrote it, where that build wrote it otherwise. */
export function asOlderBuild(event: NewEvent): NewEvent {
  if (!isOtherInOlderBuild(event)) return event;
  // encodeEvent made both: an object of this event's fields, and metadata.
  const { paymentMethod, ...rest } = event.data as { readonly paymentMethod: string };
  const metadata = event.metadata as EventMetadata;
  return { ...event, data: { ...rest, card: paymentMethod }, metadata: { ...metadata, schemaVersion: 1 } };
}
