import { parseFilter } from '../filter.js';
import type { Filter } from '../read-store.port.js';
import { filterToMongo } from './filter-to-mongo.js';

const written = (filter: Filter): unknown => filterToMongo(parseFilter(filter));

describe('a filter in MongoDB’s words', () => {
  it('has all paths side by side where it can, so that planners see them', () => {
    expect(written({ customerId: 'c', at: { $gte: 'a', $lt: 'b' }, $and: [{ $or: [{ n: 1 }, { n: 2 }] }] })).toEqual({
      customerId: { $eq: 'c' },
      at: { $gte: 'a', $lt: 'b' },
      $or: [{ n: { $eq: 1 } }, { n: { $eq: 2 } }],
    });
  });

  it('keeps both of two alternatives', () => {
    const one = { $or: [{ a: 1 }, { b: 1 }] };
    const inMongo = { $or: [{ a: { $eq: 1 } }, { b: { $eq: 1 } }] };
    expect(written({ $and: [one, one] })).toEqual({ ...inMongo, $and: [inMongo] });
    expect(written({ $and: [{ $or: [one, { c: 2 }] }] })).toEqual({ $or: [inMongo, { c: { $eq: 2 } }] });
  });

  it('keeps both of two equal operators on one path', () => {
    expect(written({ $and: [{ a: 1 }, { a: 2 }, { a: { $gt: 0 } }] })).toEqual({
      a: { $eq: 1, $gt: 0 },
      $and: [{ a: { $eq: 2 } }],
    });
  });

  it('negates as a whole', () => {
    expect(written({ a: { $not: { $gt: 1, $lt: 5 } } })).toEqual({ a: { $not: { $gt: 1, $lt: 5 } } });
    expect(written({ a: { $ne: null } })).toEqual({ a: { $not: { $eq: null } } });
    expect(written({ a: { $nin: [1, 2] } })).toEqual({ a: { $not: { $in: [1, 2] } } });
    expect(written({ a: { $nin: [1] } })).toEqual({ a: { $not: { $eq: 1 } } });
    expect(written({ a: { $not: { $ne: 1 } } })).toEqual({ a: { $not: { $not: { $eq: 1 } } } });
  });

  it('looks for a prefix by a regular expression in which nothing is special', () => {
    const special = '\\^$.*+?()[]{}|/-#\n';
    const { a } = filterToMongo(parseFilter({ a: { $prefix: special } }));
    const regex = new RegExp(String(a.$regex));
    expect(regex.test(`${special}more`)).toBe(true);
    expect(regex.test(`x${special}`)).toBe(false);
    expect(written({ a: { $prefix: 'it' } })).toEqual({ a: { $regex: '^it' } });
  });
});
