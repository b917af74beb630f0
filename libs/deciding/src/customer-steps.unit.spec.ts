import { given } from '../../kernel/src/testing/playing.js';
import type { Fact } from '@timeline/kernel';
import { stepsIn } from './customer-steps.js';

type Reminded = Fact<'Reminded', { of: string }>;
const reminders = stepsIn<Reminded>('reminders', { actor: 'test', command: 'remind' });
const reminded = (of: string): Reminded => ({ type: 'Reminded', data: { of } });

describe('steps of a customer', () => {
  const command = { customerId: 'ann', recorded: 1, steps: [reminded('b'), reminded('c')] };

  it('are recorded, all of them, where the document had seen what is there', () => {
    given(reminders.decider, [reminded('a')])
      .when(command)
      .then(command.steps);
  });

  it('are nothing where somebody else recorded more, or the document has seen what is not there', () => {
    given(reminders.decider, [reminded('a'), reminded('b')])
      .when(command)
      .then([]);
    given(reminders.decider).when(command).then([]);
  });
});
