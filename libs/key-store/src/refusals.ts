/** What both adapters answer in the same words. */
import { DomainError, FaultError } from '@timeline/kernel';
import type { KeyStoreIdentity } from './key-store.port.js';

export const customerErased = (): DomainError =>
  new DomainError('CUSTOMER_ERASED', 'the customer was erased for good; nothing more can be recorded about the person');

/** @throws FaultError KEY_STORE_FOREIGN unless the store is, after claiming, what was claimed */
export function assertClaimed(present: KeyStoreIdentity | undefined, claimed: KeyStoreIdentity): void {
  if (present?.logId === claimed.logId && present.masterKeyFingerprint === claimed.masterKeyFingerprint) return;
  throw new FaultError(
    'KEY_STORE_FOREIGN',
    `the key store belongs to log ${present?.logId} under master key ${present?.masterKeyFingerprint}, not to log ` +
      `${claimed.logId} under master key ${claimed.masterKeyFingerprint}; check EVENT_STORE_URL, KEY_STORE_URL and ` +
      'MASTER_KEY_FILE. It was left as it is',
  );
}
