/** Paging by what the last document of a page held, so that page 1,000 costs what page 1 does. */
import { FaultError } from '@timeline/kernel';
import { parseSort } from './filter.js';
import type { Filter, Sort } from './read-store.port.js';

/**
 * The filter for what comes after a document with the values `last` in the order of `sort`. The last path of `sort` must
 * be unique (`_id`), and each path hold values of one type, text or numbers, never null. Combine by `$and`.
 * Besides the exact condition it bounds the first path, which is what makes either store start in its index there.
 * @throws FaultError FILTER_INVALID
 */
export function afterKeyset(sort: Sort, last: Record<string, string | number>): Filter {
  const paths = parseSort(sort).map(([path, direction]) => {
    const value = last[path];
    if (value === undefined)
      throw new FaultError('FILTER_INVALID', `the page's last document has no ${path} to go on from`);
    return { path, direction, value };
  });
  const [first] = paths;
  if (!first) throw new FaultError('FILTER_INVALID', 'paging needs a sort');
  const bound: Filter = { [first.path]: first.direction === 1 ? { $gte: first.value } : { $lte: first.value } };
  const branches = paths.map(({ path, direction, value }, index): Filter => ({
    ...Object.fromEntries(paths.slice(0, index).map((earlier) => [earlier.path, earlier.value])),
    [path]: direction === 1 ? { $gt: value } : { $lt: value },
  }));
  return { ...bound, $or: branches };
}
