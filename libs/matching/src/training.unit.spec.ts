/** A model found without labels says what was put into the data. */
import { candidatePairs } from './blocking.js';
import { featuresOf, type Features } from './features.js';
import { trainModel } from './training.js';

/** Park and Miller; the data are the same every time. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** 900 people, every third of them twice: of the second, each fifth family name and each tenth birth date is mistyped. */
function people(): Features[] {
  const random = randomFrom(20_261_126);
  const word = (): string => Array.from({ length: 8 }, () => 'abcdefghijklmnopqrstuvwxyz'[random(26)]).join('');
  const families = Array.from({ length: 60 }, word);
  return Array.from({ length: 900 }, (_, n) => {
    const given = word();
    const family = families[random(60)] ?? '';
    const birthDate = `${1940 + random(60)}-${10 + random(3)}-${10 + random(19)}`;
    const record = (family: string, birthDate: string): Features =>
      featuresOf({ kind: 'person', name: { given, family }, birthDate });
    if (n % 3 !== 0) return [record(family, birthDate)];
    const mistyped = `${family.slice(0, 4)}q${family.slice(5)}`;
    const [a, b] = [n % 15 === 0 ? mistyped : family, n % 30 === 3 ? birthDate.replace('19', '18') : birthDate];
    return [record(family, birthDate), record(a, b)];
  }).flat();
}

describe('training', () => {
  const records = people();
  const pairs = candidatePairs(records);
  const model = trainModel('t', records, pairs);

  it('finds how often a field errs', () => {
    expect(model.fields.family?.close?.m).toBeGreaterThan(0.15);
    expect(model.fields.family?.close?.m).toBeLessThan(0.25);
    expect(model.fields.birthDate?.close?.m).toBeGreaterThan(0.07);
    expect(model.fields.birthDate?.close?.m).toBeLessThan(0.13);
    expect(model.fields.given?.same?.m).toBeGreaterThan(0.95);
  });

  it('finds how many are the same', () => {
    expect(model.prior * pairs.length).toBeGreaterThan(285);
    expect(model.prior * pairs.length).toBeLessThan(315);
  });

  it('gives probabilities: the levels of a field add up to one', () => {
    for (const levels of Object.values(model.fields))
      for (const which of ['m', 'u'] as const)
        expect(Object.values(levels).reduce((sum, level) => sum + level[which], 0)).toBeCloseTo(1, 6);
  });

  it('gives the same model for the same records', () => {
    expect(trainModel('t', records, candidatePairs(records))).toEqual(model);
  });
});
