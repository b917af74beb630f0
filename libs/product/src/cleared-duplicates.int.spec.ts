/** Pairs that nothing speaks for any more, by a watch that looks when it is told to: cleared once, and not counted. */
import { eraseCustomer, registerCustomer } from '@timeline/customers';
import { CommandProcessor } from '@timeline/deciding';
import { newId, type Position } from '@timeline/kernel';
import { Harness } from '../../composing/src/testing/harness.js';
import { addIdentity } from '../../customers/src/commands/add-identity.command.js';
import { removeIdentity } from '../../customers/src/commands/remove-identity.command.js';
import { updateCustomer } from '../../customers/src/commands/update-customer.command.js';
import { Reverts } from '../../customers/src/provenance/reverts.js';
import { GetQuality } from '../../customers/src/quality/record-quality.query.js';
import { confirmDuplicate, dismissDuplicate } from '../../duplicates/src/commands/decide-duplicate.command.js';
import { duplicateDecider, duplicateStream, pairIdOf, pairOf } from '../../duplicates/src/duplicate.decider.js';
import { DuplicateWatch } from '../../duplicates/src/duplicate-watch.js';
import { duplicateCandidatesProjection } from '../../duplicates/src/projections/duplicate-candidates.projection.js';
import { duplicatesProjection } from '../../duplicates/src/projections/duplicates.projection.js';
import { productSlices } from './index.js';

let harness: Harness;

beforeEach(async () => {
  harness = await Harness.start({
    slices: productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'DE' }),
    roles: ['commands', 'queries', 'projections'],
  });
});
afterEach(() => harness.dispose());

const head = async (): Promise<Position | undefined> => (await harness.product.events.head())?.position;
const quality = async (id: string) => {
  const { suspects, parts } = await harness.query<{ suspects: string[]; parts: { uniqueness: number } }>(
    new GetQuality(id, {}, await head()),
  );
  return { suspects, uniqueness: parts.uniqueness };
};
/** Until nothing is left to look at; `watches` side by side. */
async function look(watches = 1): Promise<void> {
  for (let looked = 1; looked > 0;) {
    const position = await head();
    await harness.read(duplicateCandidatesProjection, position, () => Promise.resolve());
    await harness.read(duplicatesProjection, position, () => Promise.resolve());
    const watch = harness.get(DuplicateWatch);
    const rounds = await Promise.all(Array.from({ length: watches }, () => watch.round()));
    looked = Math.max(...rounds);
  }
}

/** Too little for a suspicion where it is all that two have in common. */
const NAME = { full: 'Fanshawe' };
const phone = (value: string) => ({ kind: 'phone' as const, value });
const [PHONE, ALMOST] = ['030 12345678', '030 12345679'];
const SOURCE = 'crm';
const person = (more: object, source = 'till') =>
  harness.dispatch(registerCustomer, { kind: 'person', stage: 'lead', name: NAME, ...more }, { source });

/** Two of one name whose numbers differ in a digit, suspected of being one. */
async function suspectedPair() {
  const { id: a } = await person({ identities: [phone(PHONE)] }, SOURCE);
  const { id: b } = await person({ identities: [phone(ALMOST)] });
  await look();
  const pairId = pairIdOf(pairOf(a, b));
  const facts = async () =>
    (await harness.product.events.readStream(duplicateStream(pairId))).map(({ type }) => type.replace('Duplicate', ''));
  expect(await facts()).toEqual(['Suspected']);
  return { a, b, pairId, facts };
}
const leavesNumber = (customerId: string) => harness.dispatch(removeIdentity, { customerId, ...phone(PHONE) });
const hasNumberAgain = (customerId: string) => harness.dispatch(addIdentity, { customerId, ...phone(PHONE) });

it('a pair is cleared when a number goes, suspected again when it comes back, and counts only while it is suspected', async () => {
  const { a, b, facts } = await suspectedPair();
  const suspectedOf = (other: string) => ({ suspects: [other], uniqueness: 0.5 });
  const ofNobody = { suspects: [], uniqueness: 1 };
  expect([await quality(a), await quality(b)]).toEqual([suspectedOf(b), suspectedOf(a)]);
  await leavesNumber(a);
  await look();
  expect(await facts()).toEqual(['Suspected', 'Cleared']);
  expect([await quality(a), await quality(b)]).toEqual([ofNobody, ofNobody]);
  await hasNumberAgain(a);
  await look();
  expect(await facts()).toEqual(['Suspected', 'Cleared', 'Suspected']);
  expect([await quality(a), await quality(b)]).toEqual([suspectedOf(b), suspectedOf(a)]);
});

it.each(['first', 'second'])('a pair is cleared when the record of the %s changes', async (which) => {
  const { a, b, facts } = await suspectedPair();
  const [first, second] = pairOf(a, b);
  await harness.dispatch(updateCustomer, {
    customerId: which === 'first' ? first : second,
    name: { full: 'Ines Marchetti' },
  });
  await look();
  expect(await facts()).toEqual(['Suspected', 'Cleared']);
});

it('a pair is cleared once, however many watches look, and by none that starts over', async () => {
  const { a, facts } = await suspectedPair();
  await leavesNumber(a);
  await look(3);
  expect(await facts()).toEqual(['Suspected', 'Cleared']);
  // As after a crash behind the fact, or with another read store.
  await harness.restart();
  await harness.product.reads.dropCollection('duplicate-watch');
  await look(2);
  expect(await facts()).toEqual(['Suspected', 'Cleared']);
  await hasNumberAgain(a);
  await look(3);
  expect(await facts()).toEqual(['Suspected', 'Cleared', 'Suspected']);
});

it.each([
  ['Dismissed', dismissDuplicate],
  ['Confirmed', confirmDuplicate],
] as const)('a pair that a person has decided about stays as it is: %s', async (decided, decision) => {
  const { a, pairId, facts } = await suspectedPair();
  await harness.dispatch(decision, { pairId });
  await leavesNumber(a);
  await look();
  expect(await facts()).toEqual(['Suspected', decided]);
});

it('a pair is cleared that a watch suspects by what a record was before a change that has been looked at', async () => {
  const { id: a } = await person({ identities: [phone(PHONE)] });
  const { position: before } = await harness.dispatch(updateCustomer, { customerId: a, birthDate: '1950-05-05' });
  await leavesNumber(a);
  const { id: b, position } = await person({ identities: [phone(ALMOST)], name: { full: 'Ines Marchetti' } });
  await look();
  const customers = pairOf(a, b);
  const [pairId, commandId] = [pairIdOf(customers), newId()];
  const by = { actor: 'test', commandId, bodyHash: '', correlationId: commandId, causationId: commandId };
  await harness.get(CommandProcessor).execute({
    decider: duplicateDecider,
    stream: duplicateStream(pairId),
    id: pairId,
    command: {
      type: 'suspect',
      customers,
      probability: 0.9,
      namesakes: 1,
      model: 'person-1',
      asOf: customers[0] === a ? [before, position] : [position, before],
    },
    context: by,
  });
  await look();
  const facts = await harness.product.events.readStream(duplicateStream(pairId));
  expect(facts.map(({ type }) => type)).toEqual(['DuplicateSuspected', 'DuplicateCleared']);
});

const erased = async (customerId: string): Promise<unknown> =>
  harness.dispatch(eraseCustomer, { customerId, reason: 'requested' });
/** As all that is known of the customer was said by the source. */
async function withdrawn(): Promise<unknown> {
  let last: unknown;
  for await (last of harness.get(Reverts).run({ source: SOURCE }, undefined, 'test'));
  expect(last).toMatchObject({ counts: { withdrawn: 1 } });
  return last;
}

it.each([
  ['erased', erased],
  ['withdrawn', withdrawn],
])('a pair of which one is %s counts no more, and has no other fact', async (_how, goes) => {
  const { a, b, facts } = await suspectedPair();
  await goes(a);
  expect(await quality(b)).toEqual({ suspects: [], uniqueness: 1 });
  await harness.dispatch(updateCustomer, { customerId: b, name: { full: 'Ines Marchetti' } });
  await look();
  expect(await facts()).toEqual(['Suspected']);
});
