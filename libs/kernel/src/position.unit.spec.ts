import fc from 'fast-check';
import { beforeAll as beforeEvery, makePosition, stretchOf } from './position.js';

const LOG = '0123456789ab';
/** As the adapters write them: SQLite's row id; EventStoreDB's commit and prepare. */
const rowId = fc.nat().map((id) => makePosition(LOG, String(id).padStart(16, '0')));
const padded = (part: bigint): string => String(part).padStart(20, '0');
const commit = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const pair = fc
  .tuple(commit, fc.nat(5_000))
  .map(([at, back]) => makePosition(LOG, `${padded(at)}.${padded(at > BigInt(back) ? at - BigInt(back) : 0n)}`));

describe.each([
  ['SQLite', rowId],
  ['EventStoreDB', pair],
])('stretches of a log of %s', (_store, position) => {
  it('stand in the order of the log, and before every event there is nothing', () => {
    fc.assert(
      fc.property(position, position, (a, b) => {
        const [first, second] = a <= b ? [a, b] : [b, a];
        expect(stretchOf(first) <= stretchOf(second)).toBe(true);
        expect(a.startsWith(stretchOf(a))).toBe(true);
        expect(beforeEvery(LOG) < a).toBe(true);
      }),
    );
  });
});

it('hold a thousand events of SQLite and a megabyte of EventStoreDB', () => {
  const row = (id: number): string => stretchOf(makePosition(LOG, String(id).padStart(16, '0')));
  expect([row(1), row(999), row(1_000), row(1_999)].map((each) => each === row(1))).toEqual([true, true, false, false]);
  const byte = (at: bigint): string => stretchOf(makePosition(LOG, `${padded(at)}.${padded(at)}`));
  expect([byte(1n), byte(999_999n), byte(1_000_000n)].map((each) => each === byte(1n))).toEqual([true, true, false]);
});
