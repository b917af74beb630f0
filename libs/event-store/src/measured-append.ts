/** An append in a span and in numbers, the same for every adapter. */
import { inSpan, measure, timed } from '@timeline/kernel';
import type { AppendResult } from './event-store.port.js';

export function measuredAppend(
  stream: string,
  events: number,
  append: () => Promise<AppendResult>,
): Promise<AppendResult> {
  // Of the stream only its kind: the rest of the name is a customer's id, or of something of a customer.
  const attributes = { 'timeline.stream.category': stream.split('-', 1)[0] ?? '', 'timeline.events': events };
  return inSpan('append', attributes, (span) =>
    timed(
      async () => {
        const result = await append();
        span.setAttribute('timeline.revision', result.revision);
        if (result.repeated) span.setAttribute('timeline.repeated', true);
        return result;
      },
      (outcome, seconds) => measure('append', { outcome, events, seconds }),
      ({ repeated }) => (repeated ? 'repeated' : 'appended'),
    ),
  );
}
