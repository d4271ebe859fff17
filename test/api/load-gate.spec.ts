import { eventLoop, LoadGate, type TurnsOfLoop } from '../../src/api/load-gate.js';

/** An event loop whose turns take as long as the test says. */
class Loop implements TurnsOfLoop {
  private nowMs = 0;
  private waiting: (() => void)[] = [];
  readonly gate: LoadGate;

  constructor(limits = { maxInFlight: 100, maxLoopDelayMs: 20 }) {
    this.gate = new LoadGate(limits, this);
  }

  now(): number {
    return this.nowMs;
  }

  measurements = 0;

  afterThisTurn(callback: () => void): void {
    this.measurements++;
    this.waiting.push(callback);
  }

  close(): void {
    this.waiting = [];
  }

  /** Turns that last so many milliseconds after their first request, with a pause before each. */
  turns(count: number, ms: number): this {
    for (let turn = 0; turn < count; turn++) {
      this.ends().works(5).takes('read');
      this.works(ms).ends();
    }
    return this;
  }

  /** The turn is over. */
  ends(): this {
    for (const callback of this.waiting.splice(0)) callback();
    return this;
  }

  /** Part of a turn passes. */
  works(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  takes(kind: 'read' | 'command'): boolean {
    const leave = this.gate.enter(kind);
    leave?.();
    return leave !== undefined;
  }
}

/** Requests of an overloaded loop whose next turn has just begun. */
const overloaded = (): Loop => {
  const loop = new Loop().turns(5, 100).works(5);
  loop.takes('command');
  return loop;
};

describe('the load gate', () => {
  it('takes everything while turns are short', () => {
    const loop = new Loop().turns(50, 15);
    expect([loop.takes('read'), loop.takes('command'), loop.gate.isOverloaded]).toEqual([true, true, false]);
  });

  it('takes everything after a long turn now and then', () => {
    const loop = new Loop().turns(1, 5_000).turns(10, 10).turns(1, 5_000);
    expect(loop.works(200).takes('read')).toBe(true);
    expect(loop.gate.isOverloaded).toBe(false);
  });

  it('takes everything through long turns with short ones among them', () => {
    const loop = new Loop();
    for (let round = 0; round < 20; round++) loop.turns(2, 80).turns(1, 10);
    expect(loop.gate.isOverloaded).toBe(false);
  });

  it('turns reads away once a turn of an overloaded loop has lasted its time, commands at twice that', () => {
    const loop = overloaded();
    expect([loop.takes('read'), loop.takes('command')]).toEqual([true, true]);
    loop.works(21);
    expect([loop.takes('read'), loop.takes('command')]).toEqual([false, true]);
    loop.works(20);
    expect([loop.takes('read'), loop.takes('command')]).toEqual([false, false]);
    expect(loop.gate.refused).toBe(3);
  });

  it('takes requests again in the next turn', () => {
    const loop = overloaded().works(60);
    expect(loop.takes('command')).toBe(false);
    expect(loop.ends().works(5).takes('read')).toBe(true);
  });

  it('is over the overload a second after its last turn that was late', () => {
    const loop = overloaded().ends().turns(40, 15);
    loop.works(5).takes('read');
    loop.works(60).takes('read');
    // That turn was late itself; 980 ms in time follow, then 40 more.
    loop.ends().turns(49, 15);
    expect(loop.gate.isOverloaded).toBe(true);
    expect(loop.turns(2, 15).gate.isOverloaded).toBe(false);
  });

  it('measures a turn at most every 5 ms', () => {
    const loop = new Loop();
    for (let request = 0; request < 100; request++) loop.works(1).ends().takes('read');
    // Each measurement takes one more until its turn ends.
    expect(loop.measurements).toBe(17);
  });

  it('takes at most so many requests at the same time, overloaded or not', () => {
    const { gate } = new Loop({ maxInFlight: 2, maxLoopDelayMs: 20 });
    const leave = gate.enter('read');
    gate.enter('command');
    expect(gate.enter('command')).toBeUndefined();
    leave?.();
    expect(gate.enter('read')).toBeDefined();
  });

  it('never looks at the event loop when told so', () => {
    const loop = new Loop({ maxInFlight: 2, maxLoopDelayMs: 0 }).turns(10, 500);
    expect(loop.works(500).takes('read')).toBe(true);
    expect(loop.measurements).toBe(0);
  });
});

describe('the event loop of this process', () => {
  it('tells of the end of a turn, and no sooner', async () => {
    const loop = eventLoop();
    let isOver = false;
    const over = new Promise<void>((resolve) => {
      loop.afterThisTurn(() => {
        isOver = true;
        resolve();
      });
    });
    await new Promise((resolve) => process.nextTick(resolve));
    expect(isOver).toBe(false);
    await over;
    loop.close();
  });
});
