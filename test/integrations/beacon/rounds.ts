/** Rounds of drand's chain quicknet as they were published on 23 August 2023, and the opening time that names round 1000. */
export const signatures: Readonly<Record<number, string>> = {
  1000: 'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39',
  1001: 'b33bf3667cbd5a82de3a24b4e0e9fe5513cc1a0e840368c6e31f5fcfa79bea03f73896b25883abf2853d10337fb8fa41',
};

/** The signature of round 1000, hex. */
export const signature1000 = signatures[1000] ?? '';
export const signature1001 = signatures[1001] ?? '';
export const opensAt1000 = '2023-08-23T15:59:09.000Z';
export const round1000At = '2023-08-23T15:59:24.000Z';
