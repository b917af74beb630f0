/** Records facts one after the other: position and the revision within each stream go up by one each time. */
import type { Fact, Recorded } from '@timeline/kernel';
import { recorded, type RecordedAs } from '../../../kernel/src/testing/playing.js';

export type Recorder = <E extends Fact>(fact: E, as?: RecordedAs) => Recorded<E>;

export function recorder(defaults: RecordedAs = {}): Recorder {
  let position = 0;
  const revisions = new Map<string, number>();
  return (fact, as = {}) => {
    const { stream = 'stream-1' } = { ...defaults, ...as };
    const revision = (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, revision);
    position += 1;
    // A fact without context of its own is a decision too.
    return recorded(fact as Parameters<typeof recorded<typeof fact>>[0], {
      ...defaults,
      stream,
      revision,
      position,
      ...as,
    });
  };
}
