import { z } from 'zod';
import { seatIdSchema } from './ids.js';

/** Properties of a seat that fans must know. A seat without any of them is an ordinary one. */
export const seatFeatureFields = {
  wheelchair: z.boolean().optional().describe('A place for a wheelchair.'),
  companionOf: seatIdSchema
    .optional()
    .describe('A companion’s place: the wheelchair place it is held and sold with, never alone.'),
  restrictedView: z.boolean().optional().describe('A part of the stage cannot be seen from here.'),
};
const seatFeaturesSchema = z.object(seatFeatureFields);
export type SeatFeatures = Readonly<z.infer<typeof seatFeaturesSchema>>;

/** The features that seats are searched by. */
export const seatFeature = z.enum(['wheelchair', 'companion', 'restricted-view']);
export type SeatFeature = z.infer<typeof seatFeature>;

export function hasFeature(seat: SeatFeatures, feature: SeatFeature): boolean {
  switch (feature) {
    case 'wheelchair':
      return seat.wheelchair === true;
    case 'companion':
      return seat.companionOf !== undefined;
    case 'restricted-view':
      return seat.restrictedView === true;
  }
}

/** The features that a seat has, without those stated as false; undefined for an ordinary seat. */
export function featuresOf({
  wheelchair,
  companionOf,
  restrictedView,
}: SeatFeatures): SeatFeatures | undefined {
  if (!wheelchair && companionOf === undefined && !restrictedView) return undefined;
  return {
    ...(wheelchair ? { wheelchair } : {}),
    ...(companionOf === undefined ? {} : { companionOf }),
    ...(restrictedView ? { restrictedView } : {}),
  };
}

/** Whether best-available may offer the seat to a fan who did not ask for such a place. */
export function isForEverybody(seat: SeatFeatures): boolean {
  return !hasFeature(seat, 'wheelchair') && !hasFeature(seat, 'companion');
}
