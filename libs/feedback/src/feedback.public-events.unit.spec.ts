/** What downstream systems are told about cases is of the promised shape and says nothing in anybody's words. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { NOON, Playing, recorded } from '../../kernel/src/testing/playing.js';
import { feedbackDecider, type FeedbackCommand } from './feedback.decider.js';
import { feedbackPublicEvents } from './feedback.public-events.js';

const CASE = '0d7f2b8e-6f0c-4d0a-9a54-000000000001';
const CUSTOMER = '0d7f2b8e-6f0c-4d0a-9a54-0000000000c1';

const commands: FeedbackCommand[] = [
  {
    type: 'open',
    caseId: CASE,
    intake: {
      customerId: CUSTOMER,
      kind: 'complaint',
      channel: 'wechat',
      subject: 'SAID',
      body: 'SAID',
      purchaseId: CASE,
    },
    sourceId: 'SAID',
    payloadHash: 'HASHED',
  },
  { type: 'classify', topic: 'delivery', severity: 'high', sentiment: 'negative', urgency: 'normal' },
  { type: 'assign', agent: 'li', team: 'parcels', reason: 'SAID' },
  { type: 'respond', message: 'SAID' },
  { type: 'resolve', resolution: 'refunded', note: 'SAID' },
  { type: 'rate', score: 4, scaleMin: 1, scaleMax: 5, comment: 'SAID' },
  { type: 'reopen', reason: 'SAID', note: 'SAID' },
];

describe('The public events of feedback', () => {
  it('are one for every fact of a case, of the shape that their schemas promise', () => {
    const ajv = new Ajv2020({ strict: true });
    // A CommonJS module, whose default export is its `default` member here and itself in a built program.
    (addFormats as unknown as { default: typeof addFormats.default }).default(ajv);
    const playing = new Playing(feedbackDecider);
    for (const command of commands) playing.carryOut(command);
    const facts = playing.events.map((event) => feedbackPublicEvents.map({ ...event, personal: undefined }));
    expect(new Set(facts.map((fact) => fact?.type))).toEqual(new Set(Object.keys(feedbackPublicEvents.schemas)));
    for (const fact of facts) {
      const { schema, version } = feedbackPublicEvents.schemas[fact?.type ?? ''] ?? {};
      expect(version).toBe(fact?.version);
      const validate = ajv.compile(schema ?? false);
      expect([fact?.type, validate(fact?.data) ? [] : validate.errors]).toEqual([fact?.type, []]);
      expect(fact).toMatchObject({ subject: CASE, data: { customerId: CUSTOMER } });
    }
    expect(JSON.stringify(facts)).not.toMatch(/SAID|HASHED/);
  });

  it('are none for facts of others', () => {
    expect(
      feedbackPublicEvents.map(recorded({ type: 'InteractionRecorded', data: {} }, { occurredAt: NOON })),
    ).toBeUndefined();
  });
});
