// For mutation testing, where the properties run once for every mutant: few histories, always the same, and no
// search for the shortest.
import fc from 'fast-check';

fc.configureGlobal({ numRuns: 20, seed: 42, endOnFailure: true });
