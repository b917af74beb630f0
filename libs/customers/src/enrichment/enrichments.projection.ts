/** What providers proposed about customers, a document per proposal: the customer's own, gone with the customer. */
import type { Instant } from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import type { CustomerEvent, EnrichedValues, LegalBasis } from '../customers.events.js';

export interface EnrichmentDocument {
  enrichmentId: string;
  customerId: string;
  provider: string;
  confidence: number;
  legalBasis: LegalBasis;
  proposedAt: Instant;
  /** While a field is open: what was decided needs them no more. */
  values?: EnrichedValues;
  /** By field: `open`, `accepted` (by a person), `accepted-by-rule` or `rejected`. */
  fields: { field: string; state: 'open' | 'accepted' | 'accepted-by-rule' | 'rejected' }[];
}

type EnrichmentEvent = Extract<
  CustomerEvent,
  { type: 'EnrichmentProposed' | 'EnrichmentAccepted' | 'EnrichmentRejected' }
>;

export const enrichmentsProjection: Projection<EnrichmentDocument, EnrichmentEvent, never> = {
  name: 'enrichments',
  version: 2,
  handles: ['EnrichmentProposed', 'EnrichmentAccepted', 'EnrichmentRejected'],
  indexes: [{ name: 'customer', key: { customerId: 1, proposedAt: 1 } }],
  keysBeginWithOwner: true,
  keys({ data: { enrichmentId }, metadata: { customerId } }) {
    return customerId === undefined ? [] : [{ key: `${customerId}/${enrichmentId}`, owner: customerOwner(customerId) }];
  },
  evolve(before, event, key) {
    if (event.type === 'EnrichmentProposed') {
      const { enrichmentId, provider, confidence, legalBasis, fields } = event.data;
      return {
        enrichmentId,
        customerId: key.slice(0, key.indexOf('/')),
        provider,
        confidence,
        legalBasis,
        proposedAt: event.metadata.occurredAt,
        values: event.personal?.values ?? {},
        fields: fields.map((field) => ({ field, state: 'open' })),
      };
    }
    if (!before) return undefined;
    const state =
      event.type === 'EnrichmentRejected' ? 'rejected' : event.data.by === 'rule' ? 'accepted-by-rule' : 'accepted';
    const settled = new Set(event.data.fields);
    const fields: EnrichmentDocument['fields'] = before.fields.map((each) =>
      settled.has(each.field) ? { ...each, state } : each,
    );
    if (fields.some((each) => each.state === 'open')) return { ...before, fields };
    const { values: _decided, ...rest } = before;
    return { ...rest, fields };
  },
};
