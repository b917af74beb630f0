/** That the watch finds what is not true, so that finding nothing says something. */
import { HealthWatch, type HealthTold, type Light } from './health-watch.js';

const told = (status: Light, position: string, head: string, ofBuild = status): HealthTold => ({
  status,
  head,
  stores: {},
  projections: [{ projection: 'sums', build: 'sums-1', status: ofBuild, state: 'live', position }],
  parked: 0,
});

function liesOf(...samples: [atSeconds: number, told: HealthTold | undefined][]): string[] {
  const watch = new HealthWatch('it', '');
  for (const [seconds, health] of samples) watch.note({ atMs: seconds * 1_000, told: health });
  return watch.lies;
}

describe('a watch over health', () => {
  it('believes a process that moves, and one that says for how long it did not', () => {
    expect(liesOf([0, told('green', 'a', 'b')], [50, told('green', 'b', 'c')], [60, told('green', 'c', 'c')])).toEqual(
      [],
    );
    expect(liesOf([0, told('green', 'a', 'b')], [35, told('red', 'a', 'c')], [50, told('red', 'a', 'd')])).toEqual([]);
  });

  it('does not believe green or yellow while the log moves and a projection stands still', () => {
    expect(liesOf([0, told('green', 'a', 'b')], [41, told('green', 'a', 'c')])).toHaveLength(1);
    expect(liesOf([0, told('yellow', 'a', 'b')], [41, told('yellow', 'a', 'c')])).toHaveLength(1);
    expect(liesOf([0, told('green', 'a', 'b')], [41, told('green', 'a', 'c', 'red')])).not.toEqual([]);
  });

  it('counts from the start of a process, not from before', () => {
    expect(liesOf([0, told('green', 'a', 'b')], [20, undefined], [41, told('yellow', 'a', 'c')])).toEqual([]);
  });

  it('does not believe a position that is taken back, also after a restart', () => {
    expect(liesOf([0, told('green', 'b', 'b')], [1, undefined], [2, told('green', 'a', 'b')])).toHaveLength(1);
  });

  it('does not believe green over something that is not', () => {
    expect(liesOf([0, told('green', 'a', 'a', 'yellow')])).toHaveLength(1);
  });
});
