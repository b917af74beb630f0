import fc from 'fast-check';
import { parseFilter } from '../filter.js';
import { afterPrefix, filterToSql, Parameters } from './filter-to-sql.js';

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');

describe('the text behind all that start with a prefix', () => {
  const wellFormed = fc.string({ unit: 'grapheme' });

  it('is above each of them and not above anything else', () => {
    fc.assert(
      fc.property(wellFormed, wellFormed, (prefix, text) => {
        const end = afterPrefix(prefix);
        const isBetween =
          utf8(text).compare(utf8(prefix)) >= 0 && (end === undefined || utf8(text).compare(utf8(end)) < 0);
        expect(isBetween).toBe(text.startsWith(prefix));
        expect(end === undefined || utf8(prefix + text).compare(utf8(end)) < 0).toBe(true);
      }),
    );
  });

  it.each([
    ['a', 'b'],
    ['az', 'a{'],
    ['', undefined],
    ['\ud7ff', '\ue000'],
    ['a\u{10ffff}', 'b'],
    ['\u{10ffff}\u{10ffff}', undefined],
  ])('%j: %j', (prefix, end) => {
    expect(afterPrefix(prefix)).toBe(end);
  });
});

describe('a filter in SQL', () => {
  it('has every value bound, so that its text is the same for any', () => {
    const sqlOf = (text: string, n: number): { sql: string; values: unknown[] } => {
      const parameters = new Parameters();
      const filter = parseFilter({ a: text, 'b.c': { $gt: n, $in: [text, n] }, _id: { $prefix: text } });
      return { sql: filterToSql(filter, parameters, () => true), values: parameters.values };
    };
    const one = sqlOf("x'; DROP TABLE collection; --", 1);
    expect(one.sql).toBe(sqlOf('y', 2).sql);
    expect(one.sql).not.toContain('DROP');
    expect(one.values).toContain("x'; DROP TABLE collection; --");
  });
});
