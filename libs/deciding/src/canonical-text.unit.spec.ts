import { canonicalJson } from '@timeline/kernel';
import fc from 'fast-check';
import { canonicalBodyOf, canonicalTextOf } from './canonical-text.js';

it('is the canonical JSON that hashes of bodies have always been made of', () => {
  fc.assert(
    fc.property(fc.string(), fc.dictionary(fc.string(), fc.jsonValue()), (type, data) => {
      for (const _again of [1, 2]) {
        expect(canonicalTextOf(data)).toBe(canonicalJson(data));
        expect(canonicalBodyOf(type, data)).toBe(canonicalJson({ type, data }));
      }
    }),
  );
});
