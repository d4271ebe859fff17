/** Shares repeated work among processes, so that each round of it is run by one of them. */
export interface Turns {
  /**
   * Claims the next round of some work for this process.
   * @param work its name, the same in every process.
   * @param everyMs how long the round lasts: nobody else gets one before it is over.
   * @returns 0 when this process has it, else the milliseconds until it is worth asking again. Never fails: in
   * doubt every process has it, since rounds run twice do no harm.
   */
  claim(work: string, everyMs: number): Promise<number>;
}
