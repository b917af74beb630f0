/**
 * Fellegi and Sunter (1969): each level of agreement of each field weighs log2(m/u), m its probability among pairs that
 * are the same, u among those that are not. The sum of the weights and the prior odds give the probability.
 */
import { FIELD_NAMES, type Comparison, type Field, type Level } from './comparing.js';

const { log2 } = Math;

export interface LevelProbability {
  m: number;
  u: number;
}

export interface Model {
  /** Goes up with any change of what it says. */
  version: string;
  /** The share of candidate pairs that are the same. */
  prior: number;
  fields: { [F in Field]?: { [L in Level]?: LevelProbability } };
}

export interface FieldEvidence {
  /** `name` and `common`: the whole name agrees, but others bear it too. */
  field: Field | 'name';
  level: Level | 'common';
  /** In bits: positive speaks for the same person, negative against. */
  weight: number;
}

export interface Match {
  /** Sum of the weights and the prior's, in bits: log2 of the odds. */
  score: number;
  /** By the model, from 0 to 1. */
  probability: number;
  evidence: FieldEvidence[];
}

const weightOf = ({ m, u }: LevelProbability): number => log2(m / u);

/** Whether the whole name is the same, in whatever script. */
export const isNamesake = ({ given, family }: Comparison): boolean =>
  [given, family].every((level) => level === 'same' || level === 'spelled');

/**
 * The evidence is in the order of `FIELD_NAMES`; a field that says nothing is not there.
 * @param namesakes how many of the candidates bear the record's whole name. The person is one of them at most, so what the
 * name is worth is shared among them: to be called 张伟 says less than to be called 欧阳娜娜.
 */
export function judge(model: Model, comparison: Comparison, namesakes = 1): Match {
  const evidence = FIELD_NAMES.flatMap((field): FieldEvidence[] => {
    const level = comparison[field];
    const probability = level && model.fields[field]?.[level];
    return probability ? [{ field, level, weight: weightOf(probability) }] : [];
  });
  if (namesakes > 1 && isNamesake(comparison)) {
    evidence.push({ field: 'name', level: 'common', weight: -log2(namesakes) });
  }
  const score = evidence.reduce((sum, { weight }) => sum + weight, log2(model.prior / (1 - model.prior)));
  return { score, probability: 1 / (1 + 2 ** -score), evidence };
}
