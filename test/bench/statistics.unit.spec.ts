import {
  betterOf,
  hasFailed,
  isMet,
  median,
  percentile,
  ratioOf,
  renewed,
  summary,
  verdictsOf,
  type Row,
} from './support/statistics.mjs';

describe('figures of rounds', () => {
  it('have a median, of two in the middle their mean', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([10, 1, 2, 3])).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });

  it('have percentiles that are one of them', () => {
    const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it('are told with their spread, and stay in their order', () => {
    expect(summary([30, 10, 20])).toEqual({ median: 20, least: 10, most: 30, rounds: [30, 10, 20] });
  });
});

describe('a ratio', () => {
  it('is that of neighbours, so that what slows both of a pair does not count', () => {
    // The machine was ten times slower in the second round.
    expect(ratioOf([80, 8, 80], [100, 10, 100])).toEqual({ ratio: 0.8, least: 0.8, most: 0.8, best: 0.8 });
  });

  it('is checked by the best rounds of each: the most of a speed, the least of a time', () => {
    expect(ratioOf([50, 90, 70], [100, 80, 60]).best).toBe(0.9);
    expect(ratioOf([150, 120, 300], [100, 200, 110], 'less').best).toBe(1.2);
  });

  it('needs pairs', () => {
    expect(() => ratioOf([1, 2], [1])).toThrow(RangeError);
  });

  it('meets its aim or not, and there may be none', () => {
    expect(isMet({ aim: { atLeast: 0.7 }, value: 0.7 })).toBe(true);
    expect(isMet({ aim: { atLeast: 0.7 }, value: 0.69 })).toBe(false);
    expect(isMet({ aim: { atMost: 1.5 }, value: 1.51 })).toBe(false);
    expect(isMet({ value: 1 })).toBeUndefined();
  });
});

describe('the check', () => {
  const row = (id: string, best: number, more: Partial<Row> = {}): Row => ({
    id,
    path: id,
    better: 'more',
    checked: true,
    ratio: { ratio: best, least: best, most: best, best },
    ...more,
  });
  const kinds = (committed: Row[], measured: Row[], paths = ['a', 'b']): string[] =>
    verdictsOf(committed, measured, paths).map(({ id, kind }) => `${id} ${kind}`);

  it('lets a fifth of a ratio go, and no more', () => {
    expect(kinds([row('a', 1)], [row('a', 0.8)])).toEqual(['a kept']);
    expect(kinds([row('a', 1)], [row('a', 0.79)])).toEqual(['a lost']);
    expect(kinds([row('a', 1)], [row('a', 3)])).toEqual(['a kept']);
  });

  it('turns around where less is better', () => {
    const less = { better: 'less' } as const;
    expect(kinds([row('a', 1, less)], [row('a', 1.25, less)])).toEqual(['a kept']);
    expect(kinds([row('a', 1, less)], [row('a', 1.26, less)])).toEqual(['a lost']);
  });

  it('fails by a loss, by a row that is not measured any more, and where it compared nothing', () => {
    expect(hasFailed(verdictsOf([row('a', 1)], [row('a', 1)], ['a']))).toBe(false);
    expect(hasFailed(verdictsOf([row('a', 1)], [row('a', 0.5)], ['a']))).toBe(true);
    expect(hasFailed(verdictsOf([row('a', 1)], [], ['a']))).toBe(true);
    expect(hasFailed(verdictsOf([row('a', 1, { checked: false })], [row('a', 0.1, { checked: false })], ['a']))).toBe(
      true,
    );
    expect(hasFailed([])).toBe(true);
  });

  it('looks only at paths that were run, and does not hold a new row against anything', () => {
    expect(kinds([row('a', 1), row('b', 1)], [row('a', 1)], ['a'])).toEqual(['a kept']);
    expect(kinds([row('a', 1)], [row('a', 1), row('b', 1)])).toEqual(['a kept', 'b new']);
    expect(hasFailed(verdictsOf([row('a', 1)], [row('a', 1), row('b', 1)], ['a', 'b']))).toBe(false);
  });

  it('believes processor time where the clock seems to have lost, unless the clock has lost two thirds', () => {
    const cpu = (best: number): Partial<Row> => ({ cpu: { best } });
    expect(kinds([row('a', 1, cpu(0.5))], [row('a', 0.7, cpu(0.45))])).toEqual(['a kept']);
    expect(kinds([row('a', 1, cpu(0.5))], [row('a', 0.7, cpu(0.39))])).toEqual(['a lost']);
    expect(kinds([row('a', 1, cpu(0.5))], [row('a', 0.34, cpu(0.5))])).toEqual(['a kept']);
    expect(kinds([row('a', 1, cpu(0.5))], [row('a', 0.33, cpu(0.5))])).toEqual(['a lost']);
  });

  it('takes the best of two runs, row by row', () => {
    const less = { better: 'less' } as const;
    const [first, again] = [
      [row('a', 0.5, { cpu: { best: 0.6 } }), row('b', 2, less)],
      [row('a', 0.9, { cpu: { best: 0.4 } }), row('b', 3, less)],
    ];
    expect(betterOf(first, again).map(({ ratio, cpu }) => [ratio?.best, cpu?.best])).toEqual([
      [0.9, 0.6],
      [2, undefined],
    ]);
  });

  it('renews the committed rows of the paths that ran, and keeps what could not be measured this time', () => {
    const of = (path: string, id: string, best: number): Row => ({ ...row(id, best), path });
    const { ratio: _, ...failed } = { ...of('a', 'a2', 0), error: 'no server' };
    const { ratio: __, ...never } = { ...of('a', 'a4', 0), error: 'no server' };
    const committed = [of('a', 'a1', 1), of('a', 'a2', 1), of('a', 'a3', 1), of('b', 'b1', 1), of('gone', 'g1', 1)];
    const told = renewed(committed, [of('a', 'a1', 2), failed, never], ['a', 'b']);
    expect(told.map(({ id, ratio, error }) => [id, ratio?.best, error])).toEqual([
      ['a1', 2, undefined],
      ['a2', 1, undefined],
      ['a4', undefined, 'no server'],
      ['b1', 1, undefined],
    ]);
  });
});
