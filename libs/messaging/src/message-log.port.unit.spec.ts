import fc from 'fast-check';
import { isTooLarge, messageBytes } from './message-log.port.js';

describe('the size of a message', () => {
  it('is too large exactly where its bytes exceed the limit, in any script', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '客', '😀'), maxLength: 40 });
    const message = fc.record({
      topic: fc.constant('tests'),
      key: text,
      value: fc.option(text),
      headers: fc.dictionary(text, text, { maxKeys: 4 }),
    });
    fc.assert(
      fc.property(message, fc.integer({ min: -3, max: 3 }), (drawn, off) => {
        const bytes = messageBytes(drawn);
        expect(isTooLarge(drawn, bytes + off)).toBe(off < 0);
      }),
      { numRuns: 500 },
    );
  });
});
