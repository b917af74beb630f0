import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { deriveId } from '@timeline/kernel';
import { Playing, recorded } from '../../kernel/src/testing/playing.js';
import { interactionDecider } from './interaction.decider.js';
import { interactionsPublicEvents } from './interactions.public-events.js';

describe('interactions as others see them', () => {
  it('are as their schema says, and tell nothing of what was said', () => {
    const ajv = new Ajv2020({ allErrors: true });
    formats.default(ajv);
    const playing = new Playing(interactionDecider);
    playing.carryOut({
      customerId: deriveId('customer'),
      data: {
        interactionId: deriveId('interaction'),
        channel: 'chat',
        direction: 'outbound',
        kind: 'chat',
        agent: 'wang',
        durationSeconds: 4,
        outcome: 'solved',
        threadId: 't',
        sourceId: 's',
        payloadHash: 'hash-of-secrets',
      },
      personal: { subject: 'secret', body: 'secret', attachments: [{ name: 'secret', url: 'https://secret' }] },
    });
    for (const { personal: _, ...event } of playing.events) {
      const fact = interactionsPublicEvents.map(event);
      if (!fact) throw new Error('an interaction is not told');
      const validate = ajv.compile(interactionsPublicEvents.schemas[fact.type]?.schema ?? false);
      validate(fact.data);
      expect(validate.errors).toBeNull();
      expect(fact).toMatchObject({ subject: deriveId('interaction'), data: { customerId: deriveId('customer') } });
      expect(JSON.stringify(fact)).not.toContain('secret');
    }
  });

  it('leave facts of other slices alone', () =>
    expect(interactionsPublicEvents.map(recorded({ type: 'PurchaseRecorded', data: {} }))).toBeUndefined());
});
