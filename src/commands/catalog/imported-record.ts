import type { PerformanceDocument, ScheduleDocument } from '../../domain/catalog-document.js';
import type { Position } from '../../event-store/port.js';
import {
  type PerformanceId,
  performanceIdSchema,
  type ScheduleId,
  scheduleIdSchema,
  type VenueId,
  venueIdSchema,
} from '../../events/ids.js';
import { deriveId } from '../../platform/derive-id.js';
import type { ImportProblem } from './check-import.js';

/** What the import did with one record of the feed. */
export interface ImportedRecord {
  readonly kind: 'venue' | 'performance' | 'schedule';
  /** The organiser's id. */
  readonly externalId: string;
  /** The catalog's id. */
  readonly id: string;
  readonly name: string;
  readonly outcome: 'published' | 'revised' | 'unchanged' | 'skipped';
  /** Seats of a venue's plan as it is published now. */
  readonly seats?: number;
  /** A date that is published as cancelled. */
  readonly isCancelled?: boolean;
  /** Why a record was skipped. */
  readonly reason?: string;
}

/** A record after its publication. */
export interface Published {
  readonly record: ImportedRecord;
  readonly problems: readonly ImportProblem[];
  /** Of its last event. */
  readonly position: Position | undefined;
}

/** @param changes events appended; @param before what was published before, if anything. */
export function outcomeOf(changes: number, before: unknown): 'published' | 'revised' | 'unchanged' {
  if (changes === 0) return 'unchanged';
  return before === undefined ? 'published' : 'revised';
}

/** The catalog's id of an organiser's venue. */
export function venueIdOf(source: string, externalId: string): VenueId {
  return venueIdSchema.parse(deriveId('venue', source, externalId));
}

/** The catalog's id of an organiser's performance. */
export function performanceIdOf(source: string, externalId: string): PerformanceId {
  return performanceIdSchema.parse(deriveId('performance', source, externalId));
}

/** The catalog's id of the hall in which a performance of a document is held. */
export function hallIdOf(source: string, performance: PerformanceDocument): VenueId {
  return performance.venueId ?? venueIdOf(source, performance.venue);
}

/** The catalog's id of an organiser's date. */
export function scheduleIdOf(
  source: string,
  performance: PerformanceDocument,
  schedule: ScheduleDocument,
): ScheduleId {
  return scheduleIdSchema.parse(deriveId('schedule', source, performance.id, schedule.id));
}
