/** What claims and erasures still owe, over random logs: nothing after a quiet end, and the same live and rebuilt. */
import { KEY_CACHE_LIFETIME_MS } from '@timeline/key-store';
import { CUSTOMER_ERASED, errorCode, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold, type AnyProjection } from '@timeline/projecting';
import fc from 'fast-check';
import { withoutPersonalOf } from '../testing/arbitrary-history.js';
import { customerIdOf, World } from '../testing/simulated-world.js';
import { erasureProjection, KEYS_GONE_AFTER_MS } from './erasure.projection.js';
import { identityClaimsProjection } from './identity-claims.projection.js';

const KEYS = ['r1', 'r2'];
const member = fc.constantFrom('m1', 'm2');
const step = fc.tuple(
  fc.constantFrom('register', 'add', 'remove', 'erase', 'react'),
  fc.constantFrom(...KEYS),
  member,
  fc.option(fc.nat(25), { nil: Infinity }),
);

/** The log of commands one after the other, some cut off. */
async function logOf(steps: readonly [string, string, string, number][]): Promise<Recorded<Fact>[]> {
  const world = new World();
  for (const [index, [what, key, value, diesAfter]] of steps.entries()) {
    const process = await world.start({ diesAfter });
    const id = customerIdOf(key);
    const acts: Record<string, () => Promise<unknown>> = {
      register: () => process.register(key, [value]),
      add: () => process.add(`${index}`, id, value),
      remove: () => process.remove(`${index}`, id, value),
      erase: () => process.erase(`${index}`, id),
      react: () => process.react(),
    };
    await acts[what]?.().catch((error: unknown) => errorCode(error));
    world.clock.advance(30_000);
  }
  return world.everything();
}

function foldOf(projection: AnyProjection, events: readonly Recorded<Fact>[]): PureFold {
  const fold = new PureFold(projection);
  for (const event of events) fold.apply(event);
  return fold;
}

describe.each([identityClaimsProjection, erasureProjection] as AnyProjection[])('$name', (projection) => {
  it('says the same live and rebuilt once a customer is erased, and never fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.constantFrom(...KEYS), async (steps, key) => {
        const log = await logOf([...steps, ['register', key, 'm1', Infinity], ['erase', key, 'm1', Infinity]]);
        const customerId = customerIdOf(key);
        const isErased = log.some(
          ({ type, metadata }) => type === CUSTOMER_ERASED && metadata.customerId === customerId,
        );
        if (!isErased) return;
        const live = foldOf(projection, log);
        expect(foldOf(projection, withoutPersonalOf(customerId, log)).texts()).toEqual(live.texts());
        for (const { block } of live.documents.values()) expect(block).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });
});

describe('identity-claims', () => {
  it('holds nothing of a customer who is erased', async () => {
    const log = await logOf([
      ['register', 'r1', 'm1', Infinity],
      ['remove', 'r1', 'm1', 6],
      ['erase', 'r1', 'm1', Infinity],
    ]);
    expect(foldOf(identityClaimsProjection, log).texts()).toEqual(new Map());
  });
});

describe('erasure', () => {
  it('outlives the purge, without anything of the person', async () => {
    const log = await logOf([
      ['register', 'r1', 'm1', Infinity],
      ['erase', 'r1', 'm1', Infinity],
      ['react', 'r1', 'm1', Infinity],
    ]);
    const [[key, document] = []] = foldOf(erasureProjection, log).documents;
    expect(key).toBe(customerIdOf('r1'));
    expect(document).toMatchObject({
      owner: expect.stringMatching(/^bucket:/),
      content: { owed: false, recorded: 1, claimsReleased: 1 },
    });
  });

  it('is due again once no process has the keys any more, and then never', async () => {
    const log = await logOf([
      ['register', 'r1', 'm1', Infinity],
      ['erase', 'r1', 'm1', Infinity],
      ...Array.from({ length: 6 }, (): [string, string, string, number] => ['react', 'r1', 'm1', Infinity]),
    ]);
    const contentAfter = (type: string): Record<string, unknown> | undefined =>
      foldOf(erasureProjection, log.slice(0, log.findIndex((event) => event.type === type) + 1)).documents.get(
        customerIdOf('r1'),
      )?.content;
    const at = (type: string): string => log.find((event) => event.type === type)?.recordedAt ?? '';
    const carriedOutAt = at('CustomerErasureCarriedOut');
    const dueAt = new Date(Date.parse(carriedOutAt) + KEYS_GONE_AFTER_MS).toISOString();
    // With half a minute for a replaced primary of the key store and for clocks that differ.
    expect(KEYS_GONE_AFTER_MS).toBeGreaterThanOrEqual(KEY_CACHE_LIFETIME_MS + 30_000);
    expect(contentAfter('CustomerErased')).not.toHaveProperty('dueAt');
    expect(contentAfter('CustomerErasureCarriedOut')).toMatchObject({ owed: false, carriedOutAt, dueAt });
    const certified = contentAfter('CustomerErasureCertified');
    expect(certified).toMatchObject({
      owed: false,
      recorded: 2,
      certifiedAt: at('CustomerErasureCertified'),
      certificate: { erasedAt: at('CustomerErased'), carriedOutAt, claimsReleased: 1, backups: 'not-stated' },
    });
    expect(certified).not.toHaveProperty('dueAt');
    expect(log.filter(({ type }) => type === 'CustomerErasureCertified')).toHaveLength(1);
    expect(at('CustomerErasureCertified') >= dueAt).toBe(true);
  });
});
