/** How likely duplicates look from outside: ids, a probability and why; never what the records say. */
import type { Answer, JsonSchema } from '@timeline/http';
import { FIELD_NAMES, type Features, type FieldEvidence, type Match } from '@timeline/matching';
import { judgePair } from '../duplicate-search.js';
import {
  DUPLICATE_STATUSES,
  type DuplicateDocument,
  type DuplicateStatus,
} from '../projections/duplicates.projection.js';

export interface LikelyDuplicate {
  customerId: string;
  probability: number;
  score: number;
  evidence: FieldEvidence[];
  /** Where the pair was suspected before. */
  status?: DuplicateStatus;
}

export interface ReviewedDuplicate extends Omit<DuplicateDocument, 'asOf' | 'namesakes' | 'second' | 'raised'> {
  /** Why, as the records are now. */
  evidence: FieldEvidence[];
}

const rounded = (value: number, places: number): number => Number(value.toFixed(places));
const evidenceOf = ({ evidence }: Match): FieldEvidence[] =>
  evidence.map(({ weight, ...field }) => ({ ...field, weight: rounded(weight, 3) }));

export const likelyDuplicate = (customerId: string, match: Match, status?: DuplicateStatus): LikelyDuplicate => ({
  customerId,
  probability: rounded(match.probability, 6),
  score: rounded(match.score, 3),
  evidence: evidenceOf(match),
  ...(status && { status }),
});

export function reviewedDuplicate(pair: DuplicateDocument, a: Features, b: Features): ReviewedDuplicate {
  const {
    pairId,
    customers,
    status,
    probability,
    model,
    suspectedAt,
    clearedAt,
    decidedAt,
    decidedBy,
    reason,
    survivor,
    revision,
  } = pair;
  return {
    pairId,
    customers,
    status,
    probability,
    model,
    suspectedAt,
    ...(clearedAt !== undefined && { clearedAt }),
    ...(decidedAt !== undefined && { decidedAt }),
    ...(decidedBy !== undefined && { decidedBy }),
    ...(reason !== undefined && { reason }),
    ...(survivor !== undefined && { survivor }),
    revision,
    evidence: evidenceOf(judgePair(a, b, pair.namesakes)),
  };
}

const text = { type: 'string' };
const id = { type: 'string', format: 'uuid' };
const instant = { type: 'string', format: 'date-time' };
const status = { type: 'string', enum: [...DUPLICATE_STATUSES] };
const probability = { type: 'number', minimum: 0, maximum: 1, description: 'that they are one, by the model' };
const evidence: JsonSchema = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      field: { type: 'string', enum: [...FIELD_NAMES, 'name'] },
      level: { type: 'string', enum: ['same', 'spelled', 'close', 'part', 'differs', 'common'] },
      weight: { type: 'number', description: 'in bits; positive speaks for one person, negative against' },
    },
    required: ['field', 'level', 'weight'],
    additionalProperties: false,
  },
};

export const likelySchema: Answer = (refs) => ({
  type: 'object',
  properties: {
    items: {
      type: 'array',
      items: refs.named('LikelyDuplicate', {
        type: 'object',
        properties: {
          customerId: id,
          probability,
          score: { type: 'number', description: 'log2 of the odds: the weights and the prior added up' },
          evidence,
          status,
        },
        required: ['customerId', 'probability', 'score', 'evidence'],
        additionalProperties: false,
      }),
    },
  },
  required: ['items'],
  additionalProperties: false,
});

export const reviewedSchema: Answer = (refs) =>
  refs.named('ReviewedDuplicate', {
    type: 'object',
    properties: {
      pairId: text,
      customers: { type: 'array', items: id, minItems: 2, maxItems: 2 },
      status,
      probability,
      model: text,
      suspectedAt: instant,
      clearedAt: { ...instant, description: 'when nothing spoke for the pair any more' },
      decidedAt: instant,
      decidedBy: text,
      reason: text,
      survivor: id,
      revision: { type: 'integer', description: 'what If-Match asks for' },
      evidence,
    },
    required: ['pairId', 'customers', 'status', 'probability', 'model', 'suspectedAt', 'revision', 'evidence'],
    additionalProperties: false,
  });
