/** Filters in MongoDB's own words: the checked tree written out again, `$prefix` as an anchored `$regex`. */
import type { Document } from 'mongodb';
import type { FilterNode, Test } from '../filter.js';

export function filterToMongo(node: FilterNode): Document {
  switch (node.kind) {
    case 'all':
      return merged(node.of);
    case 'any':
      return { $or: node.of.map(filterToMongo) };
    case 'not': {
      const inner = filterToMongo(node.of);
      const [[path, asked] = [], ...others] = Object.entries(inner);
      return path && !path.startsWith('$') && others.length === 0 ? { [path]: { $not: asked } } : { $nor: [inner] };
    }
    case 'test':
      return { [node.path]: condition(node.test) };
  }
}

/** One document with a path each where that says the same, which is what planners know best; the rest under `$and`. */
function merged(nodes: readonly FilterNode[]): Document {
  const together: Document = {};
  const rest: Document[] = [];
  for (const part of nodes.map(filterToMongo)) {
    const isDisjoint = Object.entries(part).every(([name, asked]) => {
      if (!(name in together)) return true;
      // Operators of one path stand together unless they are the same.
      return !name.startsWith('$') && Object.keys(asked).every((operator) => !(operator in together[name]));
    });
    if (!isDisjoint) rest.push(part);
    else
      for (const [name, asked] of Object.entries(part))
        together[name] = Array.isArray(asked) ? asked : { ...together[name], ...asked };
  }
  return { ...together, ...(rest.length > 0 && { $and: rest }) };
}

function condition(test: Test): Document {
  switch (test.op) {
    case 'in':
      return { $in: test.values };
    case 'prefix':
      return { $regex: `^${test.value.replace(/[\\^$.*+?()[\]{}|#/-]/g, '\\$&')}` };
    case 'exists':
      return { $exists: true };
    case 'elemMatch':
      return { $elemMatch: filterToMongo(test.of) };
    case 'eq':
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return { [`$${test.op}`]: test.value };
  }
}
