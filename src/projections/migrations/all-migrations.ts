import { PersonalKeys1795000000005 } from './1795000000005-personal-keys.js';
import { ReadModels1796000000001 } from './1796000000001-read-models.js';
import { LocalTimes1797000000008 } from './1797000000008-local-times.js';
import { Refunds1797000000010 } from './1797000000010-refunds.js';
import { ChargesNeedingAttention1797000000011 } from './1797000000011-charges-needing-attention.js';
import { TakenSeats1797000000012 } from './1797000000012-taken-seats.js';
import { SeatFeatures1797000000014 } from './1797000000014-seat-features.js';
import { WaitingByPlace1797000000015 } from './1797000000015-waiting-by-place.js';
import { Sessions1797000000201 } from './1797000000201-sessions.js';
import { IdleTurns1797000000301 } from './1797000000301-idle-turns.js';
import { SeatReturns1797000000302 } from './1797000000302-seat-returns.js';
import { ReportsWithoutNames1797000000501 } from './1797000000501-reports-without-names.js';
import { Draws1797000000601 } from './1797000000601-draws.js';

/**
 * Oldest first; released migrations never change. Those of the read models' earlier tables are gone, since
 * {@link ReadModels1796000000001} makes the tables anew from any of them.
 */
export const allMigrations = [
  PersonalKeys1795000000005,
  ReadModels1796000000001,
  LocalTimes1797000000008,
  Refunds1797000000010,
  ChargesNeedingAttention1797000000011,
  TakenSeats1797000000012,
  SeatFeatures1797000000014,
  WaitingByPlace1797000000015,
  Sessions1797000000201,
  IdleTurns1797000000301,
  SeatReturns1797000000302,
  ReportsWithoutNames1797000000501,
  Draws1797000000601,
];
