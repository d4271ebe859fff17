import { LoadGate } from '../../src/api/load-gate.js';

/** An event loop whose turns take as long as the test says. */
class Loop {
  private nowMs = 0;
  readonly gate: LoadGate;

  constructor(limits = { maxInFlight: 100, maxLoopDelayMs: 20 }) {
    this.gate = new LoadGate(limits, () => this.nowMs);
  }

  /** Turns of so many milliseconds each, at the start of which the timer fires. */
  turns(count: number, ms: number): this {
    for (let turn = 0; turn < count; turn++) {
      this.nowMs += ms;
      this.gate.tick();
    }
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

const overloaded = () => new Loop().turns(5, 100);

describe('the load gate', () => {
  it('takes everything while turns are short', () => {
    const loop = new Loop().turns(50, 15);
    expect([loop.takes('read'), loop.takes('command'), loop.gate.isOverloaded]).toEqual([true, true, false]);
  });

  it('takes everything after one long pause', () => {
    const loop = new Loop().turns(10, 10).turns(1, 5_000);
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
    loop.works(10 + 21);
    expect([loop.takes('read'), loop.takes('command')]).toEqual([false, true]);
    loop.works(20);
    expect([loop.takes('read'), loop.takes('command')]).toEqual([false, false]);
    expect(loop.gate.refused).toBe(3);
  });

  it('takes requests again in the next turn', () => {
    const loop = overloaded().works(60);
    expect(loop.takes('command')).toBe(false);
    expect(loop.turns(1, 1).takes('read')).toBe(true);
  });

  it('is over the overload a second after it was last late or turned somebody away', () => {
    const loop = overloaded().turns(60, 15);
    loop.works(60).takes('read');
    loop.turns(1, 1).turns(60, 15);
    expect(loop.gate.isOverloaded).toBe(true);
    expect(loop.turns(10, 15).gate.isOverloaded).toBe(false);
    expect(loop.works(60).takes('read')).toBe(true);
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
  });
});
