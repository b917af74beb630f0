import fc from 'fast-check';
import { v5 } from 'uuid';
import { deriveId, isUuid } from './ids.js';

const NAMESPACE = '0d7f2b8e-6f0c-5d0a-9a54-5b1a8a3b7c11';

describe('a derived id', () => {
  it('is the UUID v5 of its parts, as any library makes it', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.nat())), (parts) => {
        const name = parts.map((part) => `${String(part).length}:${part}`).join('');
        expect(deriveId(...parts)).toBe(v5(name, NAMESPACE));
        expect(isUuid(deriveId(...parts))).toBe(true);
      }),
    );
  });

  it.each([490, 491, 495, 496, 497, 500, 5_000])('is so for %i characters, however wide they are', (length) => {
    for (const part of ['a'.repeat(length), '客'.repeat(length)])
      expect(deriveId(part)).toBe(v5(`${length}:${part}`, NAMESPACE));
  });

  it('stays what it was, for good', () => {
    expect(deriveId('command', 'local', 'RecordInteraction', '', 'key-1')).toBe('72bf8ea4-0086-510a-b6f2-27d1068496fd');
    expect(deriveId('ab', 'c')).not.toBe(deriveId('a', 'bc'));
  });
});
