/** A survey's id is chosen by whoever defines it, so that systems can name it without asking. */
import { fieldTypes } from '@timeline/http';

// Answers have streams of their own, `survey-answer-…`: no survey's stream may be taken for one.
export const surveyId = fieldTypes.text({
  max: 60,
  pattern: /^(?!answer-)[a-z0-9-]+$/,
  meaning: 'lower-case letters, digits and dashes, and not begin with "answer-"',
});

export const surveyStream = (id: string): string => `survey-${id}`;
export const answerStream = (id: string): string => `survey-answer-${id}`;
