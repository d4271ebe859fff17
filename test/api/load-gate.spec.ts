import { LoadGate, Returns, type Turns } from '../../src/api/load-gate.js';

/** An event loop whose turns the test makes. */
class Loop implements Turns {
  private nowMs = 0;
  private callbacks: (() => void)[] = [];
  /** Names of requests that have begun. */
  readonly begun: string[] = [];
  readonly gate: LoadGate;
  readonly #leaves: (() => void)[] = [];

  constructor(limits = { maxInFlight: 200, maxWaitMs: 20 }) {
    this.gate = new LoadGate(limits, this);
  }

  now(): number {
    return this.nowMs;
  }

  nextTurn(callback: () => void): void {
    this.callbacks.push(callback);
  }

  get isIdle(): boolean {
    return this.callbacks.length === 0;
  }

  /** One turn, which lasts so long. */
  turn(ms = 0): this {
    this.nowMs += ms;
    for (const callback of this.callbacks.splice(0)) callback();
    return this;
  }

  /** Part of a turn passes. */
  works(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  /** A request comes. @returns whether it was taken. */
  asks(name: string, kind: 'read' | 'command' | 'buying' = 'command'): boolean {
    return this.gate.enter(kind, (leave) => {
      this.begun.push(name);
      this.#leaves.push(leave);
    });
  }

  crowd(size: number): this {
    for (let index = 0; index < size; index++) this.asks(String(index));
    return this;
  }

  /** The request that has been under way the longest is answered. */
  answers(): this {
    this.#leaves.shift()?.();
    return this;
  }
}

const names = (count: number) => Array.from({ length: count }, (_, index) => String(index));

describe('the load gate', () => {
  it('lets a few requests of a turn begin at once', () => {
    expect(new Loop().crowd(8).begun).toEqual(names(8));
  });

  it('lets the rest begin in the order in which they came, as many each turn', () => {
    const loop = new Loop().crowd(20);
    expect(loop.begun).toEqual(names(8));
    expect(loop.turn().begun).toEqual(names(16));
    expect(loop.turn().begun).toEqual(names(20));
    expect(loop.gate.waiting).toBe(0);
  });

  it('lets nobody begin before those who wait', () => {
    const loop = new Loop().crowd(20).turn().turn();
    loop.crowd(4);
    loop.asks('late');
    loop.turn();
    expect(loop.begun.at(-1)).toBe('late');
    expect(loop.begun).toHaveLength(25);
  });

  it('lets as many begin at once in every turn, and waits for none when nobody asks', () => {
    const loop = new Loop().crowd(3).turn().turn();
    expect(loop.isIdle).toBe(true);
    expect(loop.crowd(8).begun).toHaveLength(11);
  });

  it('lets as many begin again when a turn does not end, so that those in line do not stand still', () => {
    const loop = new Loop().crowd(20);
    loop.works(1).asks('soon');
    expect(loop.begun).toHaveLength(8);
    loop.works(1).asks('later');
    expect(loop.begun).toEqual(names(16));
  });

  it('lets fewer begin in a turn that has accepted a connection, so that more can be accepted soon', () => {
    const loop = new Loop().crowd(20);
    loop.gate.accepted();
    expect(loop.turn().begun).toEqual(names(10));
    loop.gate.accepted();
    expect(loop.turn().begun).toEqual(names(12));
    expect(loop.turn().begun).toEqual(names(20));
  });

  it('turns reads away while the first in line has waited too long, commands at twice that', () => {
    const loop = new Loop().crowd(100).answers().answers().answers();
    const taken = () => [loop.asks('r', 'read'), loop.asks('c', 'command')];
    loop.turn(20);
    expect(taken()).toEqual([true, true]);
    loop.answers().answers().turn(1);
    expect(taken()).toEqual([false, true]);
    loop.answers().turn(20);
    expect(taken()).toEqual([false, false]);
    expect(loop.gate.refused).toBe(3);
  });

  it('lets three fans who buy begin for each other request while both wait, and never only the one or the other', () => {
    const loop = new Loop().crowd(20);
    for (const name of ['A', 'B', 'C', 'D', 'E', 'F', 'G']) loop.asks(name, 'buying');
    expect(loop.turn().begun.slice(8)).toEqual(['A', 'B', '8', 'C', 'D', 'E', '9', 'F']);
    loop.gate.accepted();
    expect(loop.turn().begun.slice(16)).toEqual(['G', '10']);
    expect(loop.turn().begun.slice(18)).toEqual(names(19).slice(11));
  });

  it('takes fans who buy while the line of the others is too long, and keeps places for them', () => {
    const loop = new Loop({ maxInFlight: 100, maxWaitMs: 20 }).crowd(100);
    const taken = () => [loop.asks('c'), loop.asks('b', 'buying')];
    expect(loop.gate.waiting).toBe(82);
    expect(taken()).toEqual([false, true]);
    for (let answered = 0; answered < 8; answered++) loop.answers();
    expect(loop.turn(41).begun).toContain('b');
    expect(taken()).toEqual([false, true]);
  });

  it('tells who is refused to stay away the longer, the more are refused, and soon nearly at once again', () => {
    const returns = new Returns();
    const told = (nowMs: number, refused: number) => {
      const seconds = Array.from({ length: refused }, () => returns.next(nowMs)).slice(1);
      return [Math.min(...seconds), Math.max(...seconds)];
    };
    expect(told(1_000, 2_000)).toEqual([1, 3]);
    expect(told(2_000, 2_000)).toEqual([2, 6]);
    expect(told(3_000, 2_000)).toEqual([4, 12]);
    expect(told(4_000, 2_000)).toEqual([8, 24]);
    expect(told(5_000, 2_000)).toEqual([10, 30]);
    expect(told(6_000, 1)).toEqual([Infinity, -Infinity]);
    expect(told(7_000, 2_000)).toEqual([5, 15]);
    expect(told(20_000, 2_000)).toEqual([1, 3]);
  });

  it('takes everybody again once those before them have begun', () => {
    const loop = new Loop().crowd(17).turn(100);
    expect(loop.asks('too soon')).toBe(false);
    expect(loop.turn().asks('in time', 'read')).toBe(true);
  });

  it('takes everybody after a turn that was long when nobody waited', () => {
    const loop = new Loop().crowd(5).turn(5_000);
    expect(loop.asks('after it', 'read')).toBe(true);
  });

  it('takes at most so many requests at the same time, those in line among them', () => {
    const loop = new Loop({ maxInFlight: 10, maxWaitMs: 20 }).crowd(10);
    expect([loop.begun.length, loop.gate.waiting]).toEqual([8, 1]);
    expect(loop.asks('one too many')).toBe(false);
    expect(loop.answers().asks('the next')).toBe(true);
  });

  it('turns nobody away for waiting when told so', () => {
    const loop = new Loop({ maxInFlight: 100, maxWaitMs: 0 }).crowd(50).turn(60_000);
    expect(loop.asks('still taken', 'read')).toBe(true);
  });
});
