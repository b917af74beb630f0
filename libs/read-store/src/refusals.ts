/** What both adapters refuse in the same words. */
import { FaultError } from '@timeline/kernel';

export const uniqueViolated = (collection: string, count: number): FaultError =>
  new FaultError(
    'UNIQUE_VIOLATED',
    `a unique index of ${collection} refused ${count} of the writes; the others were written`,
  );

export const indexUnfit = (collection: string): FaultError =>
  new FaultError('UNIQUE_VIOLATED', `documents of ${collection} do not fit a unique index that it is to have`);

export const documentTooLarge = (): FaultError =>
  new FaultError('DOCUMENT_TOO_LARGE', 'a document is larger than the read store takes; split it');
