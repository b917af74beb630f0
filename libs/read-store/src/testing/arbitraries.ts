/**
 * Random documents, filters and sorts in which much matches: few paths, few values, the awkward ones among them.
 * fast-check prints the seed of a failure.
 */
import fc from 'fast-check';
import type { Condition, Filter, IndexSpec, Sort } from '../read-store.port.js';

type Scalar = string | number | boolean | null;

/** `c` never holds an array; `list` is for `$elemMatch`; `n` holds members; `never` is in no document. */
const PATHS = ['a', 'b', 'c', 'n.x', 'n.y', 'never'];
const PATHS_THROUGH_ARRAYS = [...PATHS, 'list.x'];

export interface Shape {
  /** Values of fields, arrays apart. */
  scalars: Scalar[];
  /** Whether paths lead through arrays of objects, and arrays lie in arrays. */
  pathsThroughArrays: boolean;
  /** Whether `$and` and `$or` stand in `$elemMatch`. */
  combinedInElements: boolean;
  /** What indexes may be on. */
  indexed: string[];
  /** What may be sorted by. */
  sorted: string[];
}

/**
 * What `mingo` and MongoDB agree on. Left out, because mingo 7.2.7 differs there from MongoDB (and both stores do not):
 * paths through arrays ({a: [{b: 1}, {}]} must match {'a.b': null}), arrays in arrays, `$elemMatch` on arrays that hold
 * anything but objects, sorting by arrays (['A'] and 'A' must tie, also descending), and text beyond the basic plane
 * (it compares UTF-16 units, MongoDB UTF-8 bytes).
 */
export const agreedShape: Shape = {
  scalars: [
    null,
    true,
    false,
    -1,
    0,
    1,
    1.5,
    2,
    1e21,
    '',
    'a',
    'ab',
    'b',
    'A',
    'é',
    '1',
    'true',
    '[1]',
    '{"x":1}',
    'a.*',
    '%',
  ],
  pathsThroughArrays: false,
  combinedInElements: true,
  indexed: PATHS,
  sorted: ['c', 'n.x', 'never'],
};

export const fullShape: Shape = {
  scalars: [...agreedShape.scalars, '\uffff', '😀', 'a😀', 2 ** 60, -(2 ** 60) - 1024, 0.1, 5e-324],
  pathsThroughArrays: true,
  combinedInElements: true,
  indexed: PATHS_THROUGH_ARRAYS,
  sorted: PATHS_THROUGH_ARRAYS,
};

/**
 * What SecantusDB 0.7.0b3 and MongoDB agree on. It refuses `$and` and `$or` as the first word of an `$elemMatch`;
 * on an index it puts numbers under about 1e-300 above all others ({$gt: 5e-324} finds no 1);
 * on an index over arrays it takes {$gt: 4, $lt: 2} for impossible, where one element may be above and another below;
 * and it sorts {a: [{b: 1}, {}]} by 'a.b' as 1, where MongoDB takes the missing b for null.
 */
export const withSecantus = (shape: Shape): Shape => ({
  ...shape,
  scalars: shape.scalars.filter((value) => value !== 5e-324),
  combinedInElements: false,
  indexed: ['c', 'never'],
  sorted: shape.sorted.filter((path) => !path.includes('.')),
});

const RANGES = ['$gt', '$gte', '$lt', '$lte'] as const;

export function documentsOf({ scalars, pathsThroughArrays }: Shape): fc.Arbitrary<object[]> {
  const scalar = fc.constantFrom(...scalars);
  // One object and one array in an array only: among themselves they are in no order.
  const object = fc.constant({ x: 1 });
  const inner = fc.constant([1, null]);
  const members = fc.record(
    { x: scalar, y: fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })) },
    { requiredKeys: [] },
  );
  const element = pathsThroughArrays ? fc.oneof({ weight: 4, arbitrary: scalar }, object, inner) : scalar;
  const field = fc.oneof({ weight: 5, arbitrary: scalar }, object, fc.array(element, { maxLength: 3 }));
  const nested = pathsThroughArrays
    ? fc.oneof(members, scalar, fc.array(fc.oneof(members, scalar), { maxLength: 3 }))
    : fc.oneof(members, scalar);
  const list = pathsThroughArrays
    ? fc.oneof(scalar, fc.array(fc.oneof(members, scalar), { maxLength: 3 }))
    : fc.array(members, { maxLength: 3 });
  const fields = fc.record(
    { a: field, b: field, c: fc.oneof({ weight: 5, arbitrary: scalar }, object), n: nested, list },
    { requiredKeys: [] },
  );
  return fc
    .array(fields, { minLength: 1, maxLength: 14 })
    .map((documents) =>
      documents.map((document, index) => ({ _id: `d${String(index).padStart(2, '0')}`, ...document })),
    );
}

export function filtersOf(shape: Shape): fc.Arbitrary<Filter> {
  const scalar = fc.constantFrom(...shape.scalars);
  const comparable = fc.constantFrom(
    ...shape.scalars.filter((value) => typeof value === 'string' || typeof value === 'number'),
  );
  const text = fc.constantFrom(...shape.scalars.filter((value) => typeof value === 'string'));
  const path = fc.constantFrom(...(shape.pathsThroughArrays ? PATHS_THROUGH_ARRAYS : PATHS));
  const simple: fc.Arbitrary<Condition> = fc.oneof(
    scalar.map(($eq): Condition => ({ $eq })),
    scalar.map(($ne): Condition => ({ $ne })),
    fc.array(scalar, { maxLength: 3 }).map(($in): Condition => ({ $in })),
    fc.array(scalar, { maxLength: 3 }).map(($nin): Condition => ({ $nin })),
    fc.boolean().map(($exists): Condition => ({ $exists })),
    text.map(($prefix): Condition => ({ $prefix })),
    fc.tuple(fc.constantFrom(...RANGES), comparable).map(([operator, bound]): Condition => ({ [operator]: bound })),
    fc.tuple(comparable, comparable).map(([$gte, $lt]): Condition => ({ $gte, $lt })),
  );
  const condition = fc.oneof(
    { weight: 4, arbitrary: fc.oneof(scalar, simple) },
    simple.map(($not): Condition => ({ $not })),
  );
  const onPath = fc.tuple(path, condition).map(([name, asked]): Filter => ({ [name]: asked }));
  const inElement = fc.tuple(fc.constantFrom('x', 'y'), condition).map(([name, asked]): Filter => ({ [name]: asked }));
  const twoInElement = fc.tuple(inElement, inElement);
  const combined = fc.oneof(
    twoInElement.map(($or): Filter => ({ $or })),
    twoInElement.map(($and): Filter => ({ $and })),
  );
  const elements = (shape.combinedInElements ? fc.oneof({ weight: 2, arbitrary: inElement }, combined) : inElement).map(
    ($elemMatch): Condition => ({ $elemMatch }),
  );
  const onList = fc
    .oneof(
      elements,
      elements.map(($not): Condition => ({ $not })),
    )
    .map((list): Filter => ({ list }));
  const onId = fc.constantFrom('d00', 'd03', 'none').map((_id): Filter => ({ _id }));
  const leaf = fc.oneof({ weight: 5, arbitrary: onPath }, onList, onId);
  return fc.oneof(
    leaf,
    fc.tuple(leaf, leaf).map((parts): Filter => ({ $and: parts })),
    fc.tuple(leaf, leaf).map(($or): Filter => ({ $or })),
    fc.tuple(onPath, leaf, leaf).map(([first, ...$or]): Filter => ({ ...first, $or })),
  );
}

/** At most one path may hold arrays: MongoDB refuses to sort by two of them in one document. `_id` breaks ties. */
export function sortsOf({ sorted }: Shape): fc.Arbitrary<Sort> {
  const direction = fc.constantFrom<1 | -1>(1, -1);
  return fc
    .tuple(fc.constantFrom(...sorted), direction, direction)
    .map(([path, ofPath, ofId]): Sort => ({ [path]: ofPath, _id: ofId }));
}

/** At most one path of an index may hold arrays, so each has one here. */
export const indexesOf = ({ indexed }: Shape): fc.Arbitrary<IndexSpec[]> =>
  fc.subarray(indexed).map((paths) => paths.map((path): IndexSpec => ({ name: path, key: { [path]: 1, _id: 1 } })));
