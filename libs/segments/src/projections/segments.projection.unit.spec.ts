/** What the part of a customer keeps of what was recorded of memberships. */
import { PureFold } from '@timeline/projecting';
import { recorded } from '../../../kernel/src/testing/playing.js';
import { segmentsProjection, type SegmentMembership } from './segments.projection.js';

const at = '2026-01-01T00:00:00.000Z';
const facts = [
  { type: 'CustomerRegistered', data: {} },
  { type: 'SegmentEntered', data: { segment: 'new', at } },
  { type: 'CustomerRegistrationWithdrawn', data: {} },
  { type: 'CustomerRegistered', data: {} },
];
const after = (count: number): SegmentMembership | undefined => {
  const fold = new PureFold(segmentsProjection);
  facts
    .slice(0, count)
    .forEach((fact, index) => fold.apply(recorded(fact, { customerId: 'c', occurredAt: at, position: index + 1 })));
  return JSON.parse(fold.derivedText('c') ?? 'null') as SegmentMembership;
};

it('of a registration that is withdrawn and made anew, how much was recorded stays counted, and nobody is a member', () => {
  const end = '2026-01-31T00:00:00.000Z';
  expect(after(1)).toMatchObject({ leaves: {}, enters: { new: end }, recorded: { count: 0, last: {} } });
  expect(after(2)).toMatchObject({ leaves: { new: end }, enters: {}, recorded: { count: 1 } });
  expect(after(3)).toEqual({
    customerId: 'c',
    isSurvivor: true,
    in: {},
    leaves: {},
    enters: {},
    recorded: { count: 1, last: {} },
  });
  expect(after(4)).toMatchObject({ leaves: {}, enters: { new: end }, recorded: { count: 1, last: {} } });
});
