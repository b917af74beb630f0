/**
 * Which customers a source or an import said something of: a document per customer and sayer, the customer's own, so that
 * "all that came from import 42" is one bounded, indexed look-up. What was said stands in the profile's part, which says
 * whether it still is: a document here may tell more than is left.
 */
import type { Recorded } from '@timeline/kernel';
import { customerOwner, type Projection } from '@timeline/projecting';
import type { Sayer } from '../told.events.js';
import { importOf, type CustomerEvent } from '../customers.events.js';

export interface SaidDocument {
  customerId: string;
  /** `source/{name}` or `import/{id}`. */
  by: string;
}

type SaidEvent = Extract<
  CustomerEvent,
  {
    type:
      | 'CustomerRegistered'
      | 'CustomerUpdated'
      | 'CustomerIdentityAdded'
      | 'CustomerConsentChanged'
      | 'CustomerPreferencesChanged'
      | 'CustomerLifecycleStageChanged'
      | 'CustomerRegistrationWithdrawn';
  }
>;

export const byOf = ({ source, importId }: Sayer): string =>
  importId === undefined ? `source/${source}` : `import/${importId}`;

export const provenanceProjection: Projection<SaidDocument, SaidEvent, never> = {
  name: 'provenance',
  version: 2,
  handles: [
    'CustomerRegistered',
    'CustomerUpdated',
    'CustomerIdentityAdded',
    'CustomerConsentChanged',
    'CustomerPreferencesChanged',
    'CustomerLifecycleStageChanged',
    'CustomerRegistrationWithdrawn',
  ],
  indexes: [{ name: 'by', key: { by: 1, _id: 1 } }],
  keysBeginWithOwner: true,
  keys(event) {
    const { customerId } = event.metadata;
    if (customerId === undefined) return [];
    return sayersOf(event).map((sayer) => ({ key: `${customerId}/${byOf(sayer)}`, owner: customerOwner(customerId) }));
  },
  evolve(_doc, event, key) {
    if (event.type === 'CustomerRegistrationWithdrawn') return undefined;
    const end = key.indexOf('/');
    return { customerId: key.slice(0, end), by: key.slice(end + 1) };
  },
};

function sayersOf(event: Recorded<SaidEvent>): Sayer[] {
  // Of those that it names; another's documents are found to hold nothing any more.
  if (event.type === 'CustomerRegistrationWithdrawn') return [event.data];
  const { source } = event.metadata;
  const importId = importOf(event);
  return [...(source === undefined ? [] : [{ source }]), ...(importId === undefined ? [] : [{ importId }])];
}
