import type { DataSource } from 'typeorm';
import { isSaleOver, performancesOnSale, schedulesOfVenue } from './catalog-in-use.js';
import { lapsedHolds, liveHolds } from './live-holds.js';
import { lapsedTokens, liveTokens, numberOfToken, waitingAfterSale } from './live-tokens.js';
import { openCharges, openOrders } from './open-work.js';
import type { QueryPorts } from './ports.js';
import { queueSnapshot, waitingPlaces } from './queue-snapshot.js';
import { takenSeats } from './schedule-seats.js';
import { unfinishedBusiness } from './unfinished-business.js';

/** What processes and commands may ask, on the read models' read-only connection. */
export function queryPorts(db: DataSource): QueryPorts {
  return {
    lapsedHolds: (now, limit) => lapsedHolds(db, now, limit),
    liveHolds: (cursor, limit) => liveHolds(db, cursor, limit),
    lapsedTokens: (now, limit) => lapsedTokens(db, now, limit),
    liveTokens: (after, limit) => liveTokens(db, after, limit),
    openOrders: (olderThan, limit) => openOrders(db, olderThan, limit),
    openCharges: (olderThan, limit) => openCharges(db, olderThan, limit),
    unfinishedBusiness: (userId, now) => unfinishedBusiness(db, userId, now),
    queueSnapshot: (performanceId) => queueSnapshot(db, performanceId),
    waitingPlaces: (performanceId, fromPlace, limit) => waitingPlaces(db, performanceId, fromPlace, limit),
    numberOfToken: (tokenId) => numberOfToken(db, tokenId),
    performancesOnSale: (now, after, limit) => performancesOnSale(db, now, after, limit),
    isSaleOver: (performanceId, now) => isSaleOver(db, performanceId, now),
    waitingAfterSale: (endedBy, limit) => waitingAfterSale(db, endedBy, limit),
    unavailableSeats: async (scheduleId, now) => [...(await takenSeats(db, scheduleId, now)).keys()],
    schedulesOfVenue: (venueId) => schedulesOfVenue(db, venueId),
  };
}
