/** The public randomness beacon is not there, or answers with what is not its own; ask again later. */
export class BeaconUnavailable extends Error {
  override readonly name = 'BeaconUnavailable';
}

/** A public source of randomness in numbered rounds (domain/beacon.ts). */
export abstract class RandomnessBeacon {
  /**
   * The signature of a round that has been published, hex; verified.
   * @throws {BeaconUnavailable}
   */
  abstract signatureOf(round: number): Promise<string>;
}
