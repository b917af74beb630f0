/** Who knows more about customers: a register, a directory, a service. The product ships with none. */
import type { EnrichedValues, LegalBasis } from '../customers.events.js';
import type { CustomerProfile } from '../queries/customer-view.js';

export interface Enrichment {
  values: EnrichedValues;
  /** From 0 to 1, that the values are this customer's and right. */
  confidence: number;
  legalBasis: LegalBasis;
}

export interface EnrichmentProvider {
  /** As it is named in proposals, and as the source of what is accepted of them by itself. */
  readonly name: string;
  /** `undefined`: it knows nothing of this customer. @throws UnavailableError while it is away */
  enrich(profile: CustomerProfile): Promise<Enrichment | undefined>;
}

/** Nest token of `readonly EnrichmentProvider[]`. */
export const ENRICHMENT_PROVIDERS = Symbol('ENRICHMENT_PROVIDERS');
