/**
 * How well duplicates are found in FEBRL's data sets. No label is looked at to find a model or a threshold: probabilities
 * come from expectation and maximisation over the file's own candidate pairs, or those of another file, and a pair is
 * linked where the model holds it for more likely the same than not (`LINK_FROM`).
 *
 * The bounds are those of a plain baseline; reached is what stands behind them.
 */
import { candidatePairs } from './blocking.js';
import { compareRecords, type Comparison } from './comparing.js';
import { LINK_FROM } from './default-model.js';
import { judge, type Model } from './model.js';
import { FEBRL_IS_THERE, readFebrl, score, type Labelled, type Scores } from './testing/febrl.js';
import { trainModel } from './training.js';

interface DataSet {
  records: Labelled[];
  pairs: [number, number][];
  comparisons: Comparison[];
  truePairs: number;
}

function load(name: '1' | '2' | '4'): DataSet {
  const records = name === '4' ? [...readFebrl('4a'), ...readFebrl('4b')] : readFebrl(name);
  const half = records.length / 2;
  const pairs = candidatePairs(
    records.map(({ features }) => features),
    {},
    name === '4' ? (a, b) => a < half && b >= half : undefined,
  );
  const comparisons = pairs.map(([a, b]) => {
    const [x, y] = [records[a], records[b]];
    return x && y ? compareRecords(x.features, y.features) : {};
  });
  return { records, pairs, comparisons, truePairs: { '1': 500, '2': 1934, '4': 5000 }[name] };
}

const modelOf = ({ records, pairs }: DataSet): Model =>
  trainModel(
    'febrl',
    records.map(({ features }) => features),
    pairs,
  );

function scored({ records, pairs, comparisons, truePairs }: DataSet, model: Model): Scores {
  const linked = pairs.filter((_, at) => judge(model, comparisons[at] ?? {}).probability >= LINK_FROM);
  return score(records, pairs, linked, truePairs);
}

if (!FEBRL_IS_THERE) console.warn('SKIPPED: the FEBRL data sets are not beside the project, nothing was measured');

(FEBRL_IS_THERE ? describe : describe.skip)('FEBRL', () => {
  let sets: Record<'1' | '2' | '4', DataSet>;
  let models: Record<'1' | '2' | '4', Model>;
  beforeAll(() => {
    sets = { '1': load('1'), '2': load('2'), '4': load('4') };
    models = { '1': modelOf(sets['1']), '2': modelOf(sets['2']), '4': modelOf(sets['4']) };
  });

  it.each([
    ['1', 0.999, 1],
    ['2', 0.9943, 0.9953],
    ['4', 0.9977, 0.9996],
  ] as const)('%s: F1 at least %d, pair completeness at least %d', (name, f1, pairCompleteness) => {
    const reached = scored(sets[name], models[name]);
    console.info(`FEBRL ${name}`, JSON.stringify(reached));
    expect(reached.f1).toBeGreaterThanOrEqual(f1);
    expect(reached.pairCompleteness).toBeGreaterThanOrEqual(pairCompleteness);
  });

  it.each([
    ['1', '2', 0.999],
    ['2', '4', 0.9943],
    ['4', '2', 0.9977],
  ] as const)('%s by the model of %s, which has not seen it: F1 at least %d', (name, other, f1) => {
    const reached = scored(sets[name], models[other]);
    console.info(`FEBRL ${name} by the model of ${other}`, JSON.stringify(reached));
    expect(reached.f1).toBeGreaterThanOrEqual(f1);
  });
});
