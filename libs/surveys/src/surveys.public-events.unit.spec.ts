/** What downstream systems are told about surveys is of the promised shape and says nothing in a customer's words. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { Playing, recorded } from '../../kernel/src/testing/playing.js';
import { surveyAnswerDecider } from './survey-answer.decider.js';
import { surveyDecider } from './survey.decider.js';
import { surveysPublicEvents } from './surveys.public-events.js';

const ANSWER = '0d7f2b8e-6f0c-4d0a-9a54-000000000001';
const CUSTOMER = '0d7f2b8e-6f0c-4d0a-9a54-0000000000c1';

describe('The public events of surveys', () => {
  it('are of the shape that their schemas promise', () => {
    const ajv = new Ajv2020({ strict: true });
    // A CommonJS module, whose default export is its `default` member here and itself in a built program.
    (addFormats as unknown as { default: typeof addFormats.default }).default(ajv);
    const defining = new Playing(surveyDecider);
    defining.carryOut({ surveyId: 'after-call', kind: 'NPS', title: 'After the call' });
    const answering = new Playing(surveyAnswerDecider);
    const intake = {
      surveyId: 'after-call',
      customerId: CUSTOMER,
      score: 9,
      channel: 'phone',
      comment: 'SAID',
      caseId: ANSWER,
      agent: 'li',
      region: 'EU',
    };
    const survey = { kind: 'NPS' as const, scale: { min: 0, max: 10, favourableFrom: 9 }, title: 'x' };
    answering.carryOut({ answerId: ANSWER, intake, sourceId: 'SAID', payloadHash: 'HASHED', survey });
    const facts = [...defining.events, ...answering.events].map((event) =>
      surveysPublicEvents.map({ ...event, personal: undefined }),
    );
    expect(facts.map((fact) => fact?.type)).toEqual(Object.keys(surveysPublicEvents.schemas));
    for (const fact of facts) {
      const { schema, version } = surveysPublicEvents.schemas[fact?.type ?? ''] ?? {};
      expect(version).toBe(fact?.version);
      const validate = ajv.compile(schema ?? false);
      expect([fact?.type, validate(fact?.data) ? [] : validate.errors]).toEqual([fact?.type, []]);
    }
    expect(JSON.stringify(facts)).not.toMatch(/SAID|HASHED/);
  });

  it('are none for facts of others', () => {
    expect(surveysPublicEvents.map(recorded({ type: 'InteractionRecorded', data: {} }))).toBeUndefined();
  });
});
