/**
 * Finds a model without labels: expectation and maximisation over the patterns of agreement of candidate pairs (Winkler
 * 1988), begun with u as random pairs have it. Deterministic: the "random" pairs are a fixed stride through the list.
 */
import { compareRecords, FIELD_NAMES, FIELDS, type Comparison, type Field, type Level } from './comparing.js';
import type { Features } from './features.js';
import { judge, type LevelProbability, type Model } from './model.js';

/** Added to every count: a level never seen must not weigh infinitely much. */
const PSEUDO_COUNT = 0.5;
const MAX_ROUNDS = 200;

type Probabilities = Map<Field, Map<Level, LevelProbability>>;

interface Pattern {
  comparison: Comparison;
  count: number;
}

export function trainModel(
  version: string,
  records: readonly Features[],
  candidates: readonly (readonly [number, number])[],
): Model {
  const random = patternsOf(strided(records.length).map(([a, b]) => compareAt(records, a, b)));
  const patterns = patternsOf(candidates.map(([a, b]) => compareAt(records, a, b)));
  // Of those that are the same, nine in ten agree in a field.
  const agree = (field: Field, level: Level): number => {
    const levels: readonly Level[] = FIELDS[field];
    return level === levels[0] ? 0.9 : 0.1 / (levels.length - 1);
  };
  const u = shares(random, () => 1);
  let probabilities: Probabilities = new Map(
    FIELD_NAMES.map((field) => [
      field,
      new Map(
        FIELDS[field].map((level) => [level, { m: agree(field, level), u: u.get(field)?.get(level) ?? 1 }] as const),
      ),
    ]),
  );
  let prior = Math.min(0.5, records.length / Math.max(1, candidates.length));
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const model = modelOf(version, prior, probabilities);
    const judged = new Map(patterns.map((pattern) => [pattern, judge(model, pattern.comparison).probability]));
    const isSame = (pattern: Pattern): number => judged.get(pattern) ?? 0;
    const m = shares(patterns, isSame);
    const other = shares(patterns, (pattern) => 1 - isSame(pattern));
    probabilities = new Map(
      FIELD_NAMES.map((field) => [
        field,
        new Map(
          FIELDS[field].map(
            (level) => [level, { m: m.get(field)?.get(level) ?? 1, u: other.get(field)?.get(level) ?? 1 }] as const,
          ),
        ),
      ]),
    );
    const total = patterns.reduce((sum, { count }) => sum + count, 0);
    const after = patterns.reduce((sum, pattern) => sum + pattern.count * isSame(pattern), 0) / Math.max(1, total);
    const moved = Math.abs(after - prior);
    prior = Math.min(1 - 1e-9, Math.max(1e-9, after));
    if (moved < 1e-7) break;
  }
  return modelOf(version, prior, probabilities);
}

const compareAt = (records: readonly Features[], a: number, b: number): Comparison => {
  const [x, y] = [records[a], records[b]];
  return x && y ? compareRecords(x, y) : {};
};

/** Each record with two others that have nothing to do with its place. */
function strided(count: number): [number, number][] {
  const pairs: [number, number][] = [];
  for (let step = 1; step <= 2; step += 1)
    for (let a = 0; a < count; a += 1) {
      const b = (a + step * 7919) % count;
      if (a !== b) pairs.push([a, b]);
    }
  return pairs;
}

function patternsOf(comparisons: readonly Comparison[]): Pattern[] {
  const patterns = new Map<string, Pattern>();
  for (const comparison of comparisons) {
    const key = FIELD_NAMES.map((field) => comparison[field] ?? '').join();
    const known = patterns.get(key);
    if (known) known.count += 1;
    else patterns.set(key, { comparison, count: 1 });
  }
  return [...patterns.values()];
}

/** Of each field's levels, where it says something. */
function shares(patterns: readonly Pattern[], weigh: (pattern: Pattern) => number): Map<Field, Map<Level, number>> {
  const counts = new Map(
    FIELD_NAMES.map((field) => [field, new Map<Level, number>(FIELDS[field].map((level) => [level, PSEUDO_COUNT]))]),
  );
  for (const pattern of patterns) {
    const weight = pattern.count * weigh(pattern);
    for (const field of FIELD_NAMES) {
      const level = pattern.comparison[field];
      const levels = counts.get(field);
      if (level && levels) levels.set(level, (levels.get(level) ?? 0) + weight);
    }
  }
  for (const levels of counts.values()) {
    const total = [...levels.values()].reduce((sum, count) => sum + count, 0);
    for (const [level, count] of levels) levels.set(level, count / total);
  }
  return counts;
}

const modelOf = (version: string, prior: number, probabilities: Probabilities): Model => ({
  version,
  prior,
  fields: Object.fromEntries([...probabilities].map(([field, levels]) => [field, Object.fromEntries(levels)])),
});
