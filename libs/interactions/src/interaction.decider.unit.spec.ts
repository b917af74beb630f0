import { given, Playing } from '../../kernel/src/testing/playing.js';
import { interactionDecider, type InteractionIntake } from './interaction.decider.js';

const call = (
  changes: Partial<InteractionIntake['data']> = {},
  more: Partial<InteractionIntake> = {},
): InteractionIntake => ({
  customerId: 'customer-1',
  data: {
    interactionId: 'interaction-1',
    channel: 'phone',
    direction: 'inbound',
    kind: 'call',
    agent: 'li.na',
    durationSeconds: 312,
    sourceId: 'pbx-77',
    payloadHash: 'hash-1',
    ...changes,
  },
  personal: { subject: 'Late parcel' },
  ...more,
});
const calledAt = '2024-02-01T08:00:00.000Z';
const fact = {
  type: 'InteractionRecorded' as const,
  data: call().data,
  personal: { subject: 'Late parcel' },
  channel: 'phone',
};
const called = { ...fact, customerId: 'customer-1', occurredAt: calledAt };

describe('recording an interaction', () => {
  it('is one fact, its words sealed apart from its measures', () =>
    given(interactionDecider).when(call()).then([fact]));

  it('seals nothing where nobody said anything', () =>
    given(interactionDecider)
      .when(call({}, { personal: {} }))
      .then([{ type: 'InteractionRecorded', data: call().data, channel: 'phone' }]));

  it('changes nothing when the source delivers it again', () =>
    given(interactionDecider).when(call(), { numberOfTimes: 3 }).then([fact]));

  it('refuses another payload under the same source id and names what differs, without its values', () => {
    const other = call({ payloadHash: 'hash-2', outcome: 'resolved' }, { personal: { subject: 'Parcel lost' } });
    given(interactionDecider, [called]).when(other).then('INTERACTION_CONFLICT');
    const playing = new Playing(interactionDecider);
    playing.happened(called);
    expect(() => playing.carryOut(other)).toThrow(
      expect.objectContaining({
        message: expect.not.stringContaining('Parcel'),
        details: { differing: ['/outcome', '/subject'], id: called.data.interactionId },
      }),
    );
  });

  it('takes two without a hash for the same only where they say the same', () => {
    const { payloadHash: _hash, ...data } = call().data;
    const recorded = { ...called, data };
    given(interactionDecider, [recorded]).when(call({}, { data })).then([]);
    const other = { ...data, outcome: 'resolved' };
    given(interactionDecider, [recorded])
      .when(call({}, { data: other }))
      .then('INTERACTION_CONFLICT');
  });

  it('refuses another customer under the same source id', () =>
    given(interactionDecider, [called])
      .when(call({ payloadHash: 'hash-2' }, { customerId: 'customer-2' }))
      .then('INTERACTION_CONFLICT'));

  it('refuses another instant, but does not miss one that the second delivery leaves out', () => {
    given(interactionDecider, [called])
      .when(call({ payloadHash: 'hash-2' }, { occurredAt: '2024-02-02T08:00:00.000Z' }))
      .then('INTERACTION_CONFLICT');
    given(interactionDecider, [called])
      .when(call({ payloadHash: 'hash-2' }))
      .then([]);
  });

  it('takes the same said in another way for the same', () =>
    given(interactionDecider, [called])
      .when(call({ payloadHash: 'hash-2' }, { occurredAt: calledAt }))
      .then([]));
});
