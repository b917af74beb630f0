/** The main job comes first: it is the one that has the run's own log to itself, while nothing is in it yet. */
import TestSequencer from '@jest/test-sequencer';

const isMainJob = ({ path }) => path.endsWith('/main-job.spec.ts');

export default class extends TestSequencer {
  sort(tests) {
    return [...tests].sort((a, b) => isMainJob(b) - isMainJob(a) || a.path.localeCompare(b.path));
  }
}
