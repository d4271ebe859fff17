import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** Numbers that nobody outside can predict. A class of its own, so that a simulation can draw them from its seed. */
@Injectable()
export class Chance {
  /** A whole number in [0, bound). @param bound at most 2^48. */
  below(bound: number): number {
    return randomInt(bound);
  }
}
