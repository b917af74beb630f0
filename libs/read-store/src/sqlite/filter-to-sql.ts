/**
 * Filters and sorts as SQL over a column `doc` (JSON text) and a column `_id`, meaning what they mean in MongoDB.
 *
 * All of it rests on the *key* of a value: one SQL value that SQLite orders as MongoDB orders the JSON value. SQLite's
 * order is NULL < numbers < text < blobs; so null and missing are NULL, numbers and text are themselves, and objects,
 * arrays and booleans are blobs that sort behind text. `json_extract` alone would give booleans as 0 and 1, and arrays
 * as text. Indexes are on the same expression (it costs no more than `json_extract`, measured), so that a range within
 * one type is a range of the index: numbers end where the least text '' begins, text where the least blob x'' does.
 *
 * A value may be an array, and then any element counts. Where arrays are known not to be (`mayBeArray`), the bare key is
 * compared, which an index serves; elsewhere a CASE looks at the elements, which no index serves.
 */
import type { SqliteValue } from '@timeline/sqlite';
import type { FilterNode, Scalar, Test } from '../filter.js';

/** Whether any document may hold an array at this path or on the way to it. */
export type MayBeArray = (path: string) => boolean;

/** Collects values and answers the parameter that stands for each. */
export class Parameters {
  readonly values: SqliteValue[] = [];

  add(value: string | number | Uint8Array): string {
    // A number goes in as the JSON text it has in documents, and is read by the same parser: beyond 2^53 SQLite takes
    // the digits that JSON shows, where the bound double would be a neighbour.
    this.values.push(typeof value === 'number' ? JSON.stringify(value) : value);
    return typeof value === 'number' ? `json_extract(?${this.values.length}, '$')` : `?${this.values.length}`;
  }

  /** A number of rows. */
  whole(value: number): string {
    this.values.push(value);
    return `?${this.values.length}`;
  }
}

const ARRAY = "x'02'";
const FALSE = "x'0300'";
const TRUE = "x'0301'";
const keyCase = (type: string, value: string): string =>
  `CASE ${type} WHEN 'object' THEN x'01' WHEN 'array' THEN ${ARRAY} WHEN 'false' THEN ${FALSE} WHEN 'true' THEN ${TRUE} ` +
  `ELSE ${value} END`;

/** Paths are checked by `parseFilter` and friends, so they can stand in SQL as they are. */
const jsonPath = (parts: readonly string[]): string => `'$${parts.map((part) => `."${part}"`).join('')}'`;

const keyAt = (doc: string, parts: readonly string[]): string =>
  keyCase(`json_type(${doc}, ${jsonPath(parts)})`, `json_extract(${doc}, ${jsonPath(parts)})`);

/** The expression that indexes are made on. */
export const indexedKey = (path: string): string => (path === '_id' ? '_id' : keyAt('doc', path.split('.')));

/** What `$exists` asks where no array is on the way: SQLite uses a sparse index for exactly this condition. */
export const existsAt = (path: string): string => `json_type(doc, ${jsonPath(path.split('.'))}) IS NOT NULL`;

/** Whether the document has an array at the path or on the way to it. */
export const arrayAt = (path: string): string =>
  path
    .split('.')
    .map((_, index, parts) => `json_type(doc, ${jsonPath(parts.slice(0, index + 1))}) = 'array'`)
    .join(' OR ');

/** A JSON object in SQL: a document, or an element of an array in it. */
interface Scope {
  json: string;
  depth: number;
  isDocument: boolean;
  mayBeArray: MayBeArray;
}

type Predicate = (key: string) => string;

/** @param mayBeArray see above; `_id` never is one */
export function filterToSql(node: FilterNode, parameters: Parameters, mayBeArray: MayBeArray): string {
  return nodeToSql(node, parameters, { json: 'doc', depth: 0, isDocument: true, mayBeArray });
}

function nodeToSql(node: FilterNode, parameters: Parameters, scope: Scope): string {
  switch (node.kind) {
    case 'all':
      return joined(
        'AND',
        node.of.map((part) => nodeToSql(part, parameters, scope)),
      );
    case 'any':
      return joined(
        'OR',
        node.of.map((part) => nodeToSql(part, parameters, scope)),
      );
    case 'not':
      // A comparison with NULL is NULL, and its negation must hold.
      return `(${nodeToSql(node.of, parameters, scope)}) IS NOT TRUE`;
    case 'test':
      return testToSql(node.path, node.test, parameters, scope);
  }
}

/** As a balanced tree: SQLite refuses expressions nested 1,000 deep, which a chain of as many ORs is. */
function joined(operator: 'AND' | 'OR', parts: readonly string[]): string {
  if (parts.length <= 1) return parts[0] ?? '1';
  const middle = parts.length >> 1;
  return `(${joined(operator, parts.slice(0, middle))} ${operator} ${joined(operator, parts.slice(middle))})`;
}

function testToSql(path: string, test: Test, parameters: Parameters, scope: Scope): string {
  if (scope.isDocument && path === '_id') return idToSql(test, parameters);
  const parts = path.split('.');
  switch (test.op) {
    case 'exists':
      return through(
        scope,
        parts,
        parts.length - 1,
        (json, rest) => `json_type(${json}, ${jsonPath(rest)}) IS NOT NULL`,
      );
    case 'elemMatch':
      return through(scope, parts, parts.length - 1, (json, rest, depth) => {
        const element = `e${depth}`;
        const inside = nodeToSql(test.of, parameters, elementScope(element, depth));
        return elements(json, rest, element, `CASE ${element}.type WHEN 'object' THEN ${inside} END`, '0');
      });
    default: {
      const predicate = predicateOf(test, parameters);
      return through(scope, parts, parts.length, (json, rest) => predicate(keyAt(json, rest)), predicate);
    }
  }
}

function idToSql(test: Test, parameters: Parameters): string {
  if (test.op === 'exists') return '1';
  return test.op === 'elemMatch' ? '0' : predicateOf(test, parameters)('_id');
}

const elementScope = (element: string, depth: number): Scope => ({
  json: `${element}.value`,
  depth: depth + 1,
  isDocument: false,
  mayBeArray: () => true,
});

/** `asked` of any element of the array at `parts`; `otherwise` where there is no array. */
const elements = (json: string, parts: readonly string[], element: string, asked: string, otherwise: string): string =>
  `CASE json_type(${json}, ${jsonPath(parts)}) WHEN 'array' THEN EXISTS (` +
  `SELECT 1 FROM json_each(${json}, ${jsonPath(parts)}) AS ${element} WHERE ${asked}) ELSE ${otherwise} END`;

/**
 * `leaf` at the end of the path, going into every array met at one of its first `arraysUpTo` parts. At the last part the
 * elements are the values (`ofElement`), before it only those that are objects lead on.
 */
function through(
  scope: Scope,
  parts: readonly string[],
  arraysUpTo: number,
  leaf: (json: string, parts: readonly string[], depth: number) => string,
  ofElement?: Predicate,
): string {
  const element = `e${scope.depth}`;
  let sql = leaf(scope.json, parts, scope.depth);
  for (let length = arraysUpTo; length >= 1; length--) {
    if (!scope.mayBeArray(parts.slice(0, length).join('.'))) continue;
    const rest = parts.slice(length);
    const asked =
      rest.length === 0 && ofElement
        ? ofElement(keyCase(`${element}.type`, `${element}.value`))
        : // CASE, since json functions would fail on elements that are no JSON, and AND does not promise an order.
          `CASE ${element}.type WHEN 'object' THEN ${through(elementScope(element, scope.depth), rest, arraysUpTo - length, leaf, ofElement)} END`;
    sql = elements(scope.json, parts.slice(0, length), element, asked, sql);
  }
  return sql;
}

/** Parameters are added here, once, however often the predicate is written out. */
function predicateOf(test: Exclude<Test, { op: 'exists' | 'elemMatch' }>, parameters: Parameters): Predicate {
  switch (test.op) {
    case 'eq':
      return equals(test.value, parameters);
    case 'in': {
      const comparable = test.values.filter((value) => typeof value === 'string' || typeof value === 'number');
      const others = new Set(test.values.filter((value) => value === null || typeof value === 'boolean'));
      const parts = [...others].map((value) => equals(value, parameters));
      if (comparable.length > 0) {
        // One parameter for the list, so that its length does not make another statement.
        const list = parameters.add(JSON.stringify(comparable));
        parts.push((key) => `${key} IN (SELECT value FROM json_each(${list}))`);
      }
      return (key) =>
        parts.length === 0
          ? '0'
          : joined(
              'OR',
              parts.map((part) => part(key)),
            );
    }
    case 'gt':
    case 'gte': {
      const operator = test.op === 'gt' ? '>' : '>=';
      const bound = parameters.add(test.value);
      return (key) => `(${key} ${operator} ${bound} AND ${key} < ${typeof test.value === 'number' ? "''" : "x''"})`;
    }
    case 'lt':
    case 'lte': {
      const operator = test.op === 'lt' ? '<' : '<=';
      const bound = parameters.add(test.value);
      // Nothing that compares is below the numbers.
      return (key) =>
        typeof test.value === 'number'
          ? `${key} ${operator} ${bound}`
          : `(${key} ${operator} ${bound} AND ${key} >= '')`;
    }
    case 'prefix': {
      const from = parameters.add(test.value);
      const next = afterPrefix(test.value);
      const end = next === undefined ? "x''" : parameters.add(next);
      return (key) => `(${key} >= ${from} AND ${key} < ${end})`;
    }
  }
}

function equals(value: Scalar, parameters: Parameters): Predicate {
  if (value === null) return (key) => `${key} IS NULL`;
  const literal = value === true ? TRUE : value === false ? FALSE : parameters.add(value);
  return (key) => `${key} = ${literal}`;
}

/** The least text, in the order of UTF-8 bytes, behind all that start with `prefix`; undefined where there is none. */
export function afterPrefix(prefix: string): string | undefined {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const next = (last.codePointAt(0) ?? 0) + 1;
    if (next > 0x10ffff) continue;
    // Surrogates are no characters.
    return points.join('') + String.fromCodePoint(next === 0xd800 ? 0xe000 : next);
  }
  return undefined;
}

/**
 * What to order by. Of an array it is the least element ascending, the greatest descending; null then becomes −∞, so
 * that an empty array can be NULL, which in MongoDB sorts before null.
 */
export function sortKey(path: string, direction: 1 | -1, mayBeArray: MayBeArray): string {
  if (path === '_id') return path;
  return sortKeyIn({ json: 'doc', depth: 0, isDocument: true, mayBeArray }, path.split('.'), direction);
}

const NULL_AMONG_ARRAYS = '-1e999';

function sortKeyIn(scope: Scope, parts: readonly string[], direction: 1 | -1): string {
  const element = `e${scope.depth}`;
  const prefixes = parts
    .map((_, index) => parts.slice(0, index + 1))
    .filter((prefix) => scope.mayBeArray(prefix.join('.')));
  if (prefixes.length === 0) return keyAt(scope.json, parts);
  let sql = `ifnull(${keyAt(scope.json, parts)}, ${NULL_AMONG_ARRAYS})`;
  for (const prefix of prefixes.reverse()) {
    const rest = parts.slice(prefix.length);
    const isLast = rest.length === 0;
    const key = isLast
      ? `ifnull(${keyCase(`${element}.type`, `${element}.value`)}, ${NULL_AMONG_ARRAYS})`
      : `CASE ${element}.type WHEN 'object' THEN ${sortKeyIn(elementScope(element, scope.depth), rest, direction)} ELSE ${NULL_AMONG_ARRAYS} END`;
    const extreme =
      `(SELECT ${key} AS k FROM json_each(${scope.json}, ${jsonPath(prefix)}) AS ${element} ` +
      `ORDER BY k ${direction === 1 ? 'ASC' : 'DESC'} LIMIT 1)`;
    const ofEmpty = `WHEN json_array_length(${scope.json}, ${jsonPath(prefix)}) = 0 THEN ${isLast ? 'NULL' : NULL_AMONG_ARRAYS} `;
    sql = `CASE WHEN json_type(${scope.json}, ${jsonPath(prefix)}) IS NOT 'array' THEN ${sql} ${ofEmpty}ELSE ${extreme} END`;
  }
  return sql;
}
