import type { EmbeddedOffice } from './embedded-office.js';
import { during, type Fault, lastsMs, shiftOf } from './faults.js';

const commitDelayMs = 150;

/** What can go wrong with one process and its disk. */
export const embeddedFaults: readonly Fault<EmbeddedOffice>[] = [
  {
    name: 'kill',
    meaning: 'the process is killed (SIGKILL) and started again',
    async inject(office) {
      await office.process.kill();
      await office.start();
      return '';
    },
  },
  {
    name: 'freeze',
    meaning: 'the process stands still (SIGSTOP) for --freeze-ms',
    async inject(office, { freezeMs }) {
      await office.process.freeze();
      await during(freezeMs, () => office.process.thaw());
      return `${freezeMs} ms`;
    },
  },
  {
    name: 'disk-full',
    meaning: 'no room on the disk of the data folder for 3 s',
    async inject(office) {
      const before = refusedWrites(office);
      await during(lastsMs, await office.disk.fill(office.process.pid));
      return `${office.disk.means}, ${refusedWrites(office) - before} writes refused`;
    },
  },
  {
    name: 'disk-full-kill',
    meaning: 'no room on the disk, the process is killed, room again, and it is started',
    async inject(office) {
      const before = refusedWrites(office);
      let refused = 0;
      const free = await office.disk.fill(office.process.pid);
      await during(lastsMs / 3, async () => {
        await office.process.kill();
        refused = refusedWrites(office) - before;
        // A limit ends with its process.
        await free().catch(() => undefined);
      });
      await office.start();
      return `${office.disk.means}, ${refused} writes refused`;
    },
  },
  {
    name: 'disk-slow',
    meaning: `every commit takes ${commitDelayMs} ms longer for 3 s`,
    async inject(office) {
      await during(lastsMs, office.faults.begin(office.process.pid, { commitDelayMs }));
      return `${commitDelayMs} ms a commit`;
    },
  },
  {
    name: 'clock',
    meaning: 'the clock jumps by --clock-shift-ms, and back after 3 s',
    async inject(office, settings, random) {
      const clockShiftMs = shiftOf(settings, random);
      await during(lastsMs, office.faults.begin(office.process.pid, { clockShiftMs }));
      return `${clockShiftMs} ms`;
    },
  },
];

/** A log file that SQLite has emptied is written over without needing room, so not every full disk refuses. */
function refusedWrites(office: EmbeddedOffice): number {
  return office.process.output().match(/disk is full|disk I\/O error/g)?.length ?? 0;
}
