import type { JsonValue } from '@timeline/kernel';
import { newKey } from '@timeline/key-store';
import fc from 'fast-check';
import { Cursors } from './cursors.js';

const cursors = new Cursors(newKey());
const isAny = (_: JsonValue): _ is JsonValue => true;
const isText = (value: JsonValue): value is string => typeof value === 'string';
const list = cursors.of('names', { region: 'North' });
/** The cursor of a page that ended at `value`. */
const cursorAt = (value: JsonValue, of = list): string => of.page([value, value], 1, (last) => last).next ?? '';

describe('cursors', () => {
  it('hold any value, in characters that need no escaping', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.constant(null))), (value) => {
        const cursor = cursorAt(value);
        expect(encodeURIComponent(cursor)).toBe(cursor);
        expect(list.read(cursor, isAny)).toEqual(value);
      }),
    );
  });

  it('tell nobody what is in them', () => {
    const cursor = cursorAt('Annelie');
    for (const encoding of ['utf8', 'latin1', 'utf16le'] as const)
      expect(Buffer.from(cursor, 'base64url').toString(encoding)).not.toMatch(/annelie/i);
    expect(cursorAt('Annelie')).not.toBe(cursor);
  });

  it.each([
    ['nothing', ''],
    ['words', 'x'],
    ['other characters', '!!!'],
    ['what was not sealed', Buffer.from(JSON.stringify('a'.repeat(40))).toString('base64url')],
    ['another value than this list makes', cursorAt(5)],
    ['one with something added', `${cursorAt('a')}=`],
    ['one that was changed', cursorAt('a').replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))],
    ['one of another list', cursorAt('a', cursors.of('other names', { region: 'North' }))],
    ['one of the same list with another filter', cursorAt('a', cursors.of('names', { region: 'South' }))],
    ['one of the same list with one filter more', cursorAt('a', cursors.of('names', { region: 'North', q: 'a' }))],
    ['one sealed with another key', cursorAt('a', new Cursors(newKey()).of('names', { region: 'North' }))],
  ])('are refused by name: %s', (_what, cursor) => {
    expect(() => list.read(cursor, isText)).toThrow(
      expect.objectContaining({ code: 'CURSOR_MALFORMED', details: { in: 'query', pointer: '/cursor' } }),
    );
  });

  it('are still good with another limit, and after a restart', () => {
    const key = newKey();
    const before = new Cursors(key).of('names', { limit: 5, region: 'North' });
    const after = new Cursors(key).of('names', { region: 'North', limit: 7, cursor: 'x', q: undefined });
    expect(after.read(cursorAt('a', before), isText)).toBe('a');
    expect(after.read(undefined, isText)).toBeUndefined();
  });
});

describe('a page', () => {
  it('has a next one exactly when there was one item more than asked for', () => {
    expect(list.page([1, 2, 3], 3, (last) => last)).toEqual({ items: [1, 2, 3] });
    expect(list.page([1, 2, 3], 2, (last) => last)).toEqual({ items: [1, 2], next: expect.any(String) });
    expect(list.page([], 2, (last) => last)).toEqual({ items: [] });
  });
});
