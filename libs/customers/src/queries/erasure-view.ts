/** How an erasure looks from outside: how far it is, and the certificate once there is one. */
import type { Answer, JsonSchema } from '@timeline/http';
import type { Instant } from '@timeline/kernel';
import type { ErasureCertificate } from '../customers.events.js';

export interface ErasureView {
  customerId: string;
  state: 'erased' | 'carried-out' | 'certified';
  erasedAt: Instant;
  /** Whose erasure took this customer too. */
  erasedWith?: string;
  carriedOutAt?: Instant;
  certifiedAt?: Instant;
  /** Between the two: the instant before which there is no certificate, and the builds that are behind the erasure. */
  waitsFor?: { instant: Instant; builds: { projection: string; build: string; position?: string }[] };
  certificate?: ErasureCertificate;
}

const text = { type: 'string' };
const instant = { type: 'string', format: 'date-time' };
const count = { type: 'integer', minimum: 0 };
/** A name that ends in `?` may be absent. */
const object = (members: Record<string, JsonSchema>): JsonSchema => ({
  type: 'object',
  properties: Object.fromEntries(Object.entries(members).map(([name, schema]) => [name.replace('?', ''), schema])),
  required: Object.keys(members).filter((name) => !name.endsWith('?')),
  additionalProperties: false,
});
const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });

const certificate = object({
  position: { ...text, description: 'of the erasure in the log' },
  erasedAt: instant,
  carriedOutAt: { ...instant, description: 'claims released, keys destroyed' },
  claimsReleased: count,
  'members?': {
    ...listOf({ ...text, format: 'uuid' }),
    description: 'who was merged with the customer and erased for it; each was certified before',
  },
  builds: {
    ...listOf(object({ projection: text, build: text, position: text })),
    description: 'every copy of every read model, and how far it had come: past the erasure',
  },
  readStoreFiles: {
    type: 'string',
    enum: ['overwritten', 'left-to-server'],
    description: 'what they still held of the person: left-to-server where a database server keeps them',
  },
  waitedForKeysMs: { ...count, description: 'at least, after the keys were destroyed: no process has them in memory' },
  backups: {
    anyOf: [
      { type: 'string', enum: ['not-stated'], description: 'the operator does not say how long backups live' },
      object({ retentionDays: count, expireAt: instant }),
    ],
  },
});

export const erasureSchema: Answer = (refs) =>
  refs.named(
    'CustomerErasure',
    object({
      customerId: { ...text, format: 'uuid' },
      state: { type: 'string', enum: ['erased', 'carried-out', 'certified'] },
      erasedAt: instant,
      'erasedWith?': { ...text, format: 'uuid', description: 'whose erasure took this customer too' },
      'carriedOutAt?': instant,
      'certifiedAt?': instant,
      'waitsFor?': {
        ...object({
          instant,
          builds: listOf(object({ projection: text, build: text, 'position?': text })),
        }),
        description: 'while carried-out: no certificate before this instant, nor while these are behind the erasure',
      },
      'certificate?': certificate,
    }),
  );
