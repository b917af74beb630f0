/** Who owns an identity, as sentences. */
import { given as playing, NOON, recorded } from '../../../kernel/src/testing/playing.js';
import type { IdentityEvent } from '../customers.events.js';
import { CUSTOMER, OTHER } from '../testing/fixtures.js';
import { identityDecider, type IdentityCommand } from './identity.decider.js';

const given = (...past: IdentityEvent[]) => playing(identityDecider, past);
/** Of the event at this revision of the past. */
const idAt = (revision: number): string => recorded<IdentityEvent>(theirs, { revision }).id;

const claimedBy = (
  customerId: string | undefined,
  attempt = 1,
): Extract<IdentityEvent, { type: 'IdentityClaimed' }> => ({
  type: 'IdentityClaimed',
  data: { hash: 'h', kind: 'email', attempt, claimedAt: NOON },
  ...(customerId !== undefined && { personal: { customerId } }),
});
const released = (
  claim: string,
  reason: 'removed' | 'lapsed' | 'erased' = 'removed',
  customerId?: string,
): IdentityEvent => ({
  type: 'IdentityReleased',
  data: { hash: 'h', claim, reason },
  ...(customerId !== undefined && { personal: { customerId } }),
});
const claim = (attempt: number, more: Partial<Extract<IdentityCommand, { type: 'claim' }>> = {}): IdentityCommand => ({
  type: 'claim',
  hash: 'h',
  kind: 'email',
  customerId: CUSTOMER,
  attempt,
  ...more,
});
const claimed = (attempt: number) => claimedBy(CUSTOMER, attempt);

const mine = claimedBy(CUSTOMER);
const theirs = claimedBy(OTHER);

describe('an identity', () => {
  it('is claimed by who comes first, the owner sealed', () =>
    given()
      .when(claim(1))
      .then([claimed(1)]));
  it('keeps when the claim’s command says it happened', () =>
    given()
      .when(claim(1, { occurredAt: '2014-01-03T00:00:00.000Z' }))
      .then([{ ...claimed(1), personal: { customerId: CUSTOMER, occurredAt: '2014-01-03T00:00:00.000Z' } }]));
  it('is refused to others', () => given(theirs).when(claim(2)).then('IDENTITY_TAKEN'));
  it('stays with its owner', () => given(mine).when(claim(2)).then([]));
  it('is free after its release', () =>
    given(theirs, released(idAt(0)))
      .when(claim(2))
      .then([claimed(2)]));
  it('is not freed by the release of an older claim', () =>
    given(mine, released(idAt(0)), claimedBy(OTHER, 2), released(idAt(0)))
      .when(claim(3))
      .then('IDENTITY_TAKEN'));
  it('counts every attempt', () =>
    given(mine, released(idAt(0)))
      .when(claim(1))
      .then('CLAIM_OUTDATED'));
});

describe('a claim that is over on its owner’s side', () => {
  it('is replaced by a new one in one step', () =>
    given(mine)
      .when(claim(2, { instead: { claim: idAt(0), reason: 'removed' } }))
      .then([released(idAt(0), 'removed', CUSTOMER), claimed(2)]));
  it('is not replaced for another customer', () =>
    given(theirs)
      .when(claim(2, { instead: { claim: idAt(0), reason: 'lapsed' } }))
      .then('IDENTITY_TAKEN'));
});

describe('a claim whose owner’s keys are destroyed', () => {
  it('stands in nobody’s way', () => {
    const nobodys = claimedBy(undefined);
    given(nobodys)
      .when(claim(2))
      .then([released(idAt(0), 'erased'), claimed(2)]);
  });
});

describe('a release', () => {
  const release = (of: string): IdentityCommand => ({ type: 'release', hash: 'h', claim: of, reason: 'removed' });
  it('names the claim that it ends', () =>
    given(mine)
      .when(release(idAt(0)))
      .then([released(idAt(0), 'removed', CUSTOMER)]));
  it('happens once', () =>
    given(mine)
      .when(release(idAt(0)), { numberOfTimes: 2 })
      .then([released(idAt(0), 'removed', CUSTOMER)]));
  it('of another claim ends nothing', () => given(mine).when(release('another')).then([]));
  it('of a claim whose keys are gone names nobody', () => {
    const nobodys = claimedBy(undefined);
    given(nobodys)
      .when(release(idAt(0)))
      .then([released(idAt(0))]);
  });
});
