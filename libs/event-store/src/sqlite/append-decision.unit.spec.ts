import { decideAppend } from './append-decision.js';

describe('an append', () => {
  it('is written where it was meant to stand', () => {
    expect(decideAppend(-1, -1, [], 2)).toEqual({ kind: 'write' });
    expect(decideAppend(4, 4, [], 1)).toEqual({ kind: 'write' });
    expect(decideAppend('any', 4, [], 1)).toEqual({ kind: 'write' });
  });

  it('is in conflict with whatever else stands there', () => {
    expect(decideAppend(-1, 0, [], 1)).toEqual({ kind: 'conflict' });
    expect(decideAppend(3, 4, [], 1)).toEqual({ kind: 'conflict' });
    expect(decideAppend(5, 4, [], 1)).toEqual({ kind: 'conflict' });
  });

  it('is a repeat when all of it stands there already', () => {
    expect(decideAppend(-1, 9, [0, 1], 2)).toEqual({ kind: 'repeat', lastRevision: 1 });
    expect(decideAppend(2, 9, [3], 1)).toEqual({ kind: 'repeat', lastRevision: 3 });
    expect(decideAppend('any', 9, [4, 5, 6], 3)).toEqual({ kind: 'repeat', lastRevision: 6 });
  });

  it('is in conflict when its events stand elsewhere, in part, or in another order', () => {
    expect(decideAppend(9, 9, [4, 5], 2)).toEqual({ kind: 'conflict' });
    expect(decideAppend(2, 9, [4, 5], 2)).toEqual({ kind: 'conflict' });
    expect(decideAppend(3, 9, [4], 2)).toEqual({ kind: 'conflict' });
    expect(decideAppend(3, 9, [5, 4], 2)).toEqual({ kind: 'conflict' });
    expect(decideAppend(3, 9, [4, 6], 2)).toEqual({ kind: 'conflict' });
    expect(decideAppend('any', 9, [4], 2)).toEqual({ kind: 'conflict' });
  });
});
