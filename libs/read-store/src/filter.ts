/**
 * Reads the port's filters, sorts and names, checks them, and gives filters as a small tree that each adapter turns into
 * its own language. Filters are partly made from what users send (segment rules), so nothing is passed on unread.
 */
import { FaultError } from '@timeline/kernel';
import { isStorableText } from './document.js';
import type { Filter, FindOptions, IndexSpec, Sort } from './read-store.port.js';

export type Scalar = string | number | boolean | null;
export type RangeOperator = 'gt' | 'gte' | 'lt' | 'lte';

/** What is asked of the values at a path; of an array there, or of any on the way, one element must meet it. */
export type Test =
  | { op: 'eq'; value: Scalar }
  | { op: 'in'; values: Scalar[] }
  | { op: RangeOperator; value: string | number }
  | { op: 'prefix'; value: string }
  | { op: 'exists' }
  | { op: 'elemMatch'; of: FilterNode };

export type FilterNode =
  | { kind: 'all' | 'any'; of: FilterNode[] }
  | { kind: 'not'; of: FilterNode }
  | { kind: 'test'; path: string; test: Test };

/** Deeper ones would be refused by MongoDB, or overflow the stack of SQLite's parser. */
const MAX_DEPTH = 20;
const PATH = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){0,7}$/;
const DIGITS_ONLY = /(^|\.)\d+(\.|$)/;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}$/;

const invalid = (what: string): never => {
  throw new FaultError('FILTER_INVALID', what);
};

/** @throws FaultError FILTER_INVALID */
export function parseFilter(filter: Filter): FilterNode {
  return filterNode(filter, 0);
}

function filterNode(filter: unknown, depth: number): FilterNode {
  if (depth > MAX_DEPTH) invalid(`a filter is nested deeper than ${MAX_DEPTH} levels`);
  if (!isObject(filter)) return invalid('a filter must be an object');
  return allOf(
    Object.entries(filter).map(([name, value]): FilterNode => {
      if (name === '$and' || name === '$or') {
        if (!Array.isArray(value) || value.length === 0) return invalid(`${name} must be an array that is not empty`);
        const of = value.map((part) => filterNode(part, depth + 1));
        return name === '$and' ? allOf(of) : { kind: 'any', of };
      }
      const path = checkedPath(name);
      return isObject(value)
        ? conditionNode(path, value, depth + 1)
        : test(path, { op: 'eq', value: scalar(value, path) });
    }),
  );
}

function conditionNode(path: string, condition: object, depth: number): FilterNode {
  if (depth > MAX_DEPTH) invalid(`a filter is nested deeper than ${MAX_DEPTH} levels`);
  const operators = Object.entries(condition);
  if (operators.length === 0) invalid(`the condition on ${path} is empty`);
  return allOf(
    operators.map(([operator, value]: [string, unknown]): FilterNode => {
      switch (operator) {
        case '$eq':
          return test(path, { op: 'eq', value: scalar(value, path) });
        case '$ne':
          return not(test(path, { op: 'eq', value: scalar(value, path) }));
        case '$in':
          return oneOf(path, scalars(value, path));
        case '$nin':
          return not(oneOf(path, scalars(value, path)));
        case '$gt':
          return test(path, { op: 'gt', value: bound(value, path) });
        case '$gte':
          return test(path, { op: 'gte', value: bound(value, path) });
        case '$lt':
          return test(path, { op: 'lt', value: bound(value, path) });
        case '$lte':
          return test(path, { op: 'lte', value: bound(value, path) });
        case '$exists':
          if (typeof value !== 'boolean') return invalid(`$exists on ${path} must be true or false`);
          return value ? test(path, { op: 'exists' }) : not(test(path, { op: 'exists' }));
        case '$prefix': {
          const text = scalar(value, path);
          return typeof text === 'string'
            ? test(path, { op: 'prefix', value: text })
            : invalid(`$prefix on ${path} must be text`);
        }
        case '$elemMatch':
          return test(path, { op: 'elemMatch', of: filterNode(value, depth + 1) });
        case '$not':
          return isObject(value)
            ? not(conditionNode(path, value, depth + 1))
            : invalid(`$not on ${path} must be a condition`);
        default:
          return invalid(`the condition on ${path} has an unknown operator`);
      }
    }),
  );
}

/** Paths at which every match has the same value, unless one has an array there. */
export const fixedPaths = (node: FilterNode): string[] =>
  (node.kind === 'all' ? node.of : [node]).flatMap((part) =>
    part.kind === 'test' && part.test.op === 'eq' ? [part.path] : [],
  );

/** Flat, so that adapters see side by side what is asked side by side. */
function allOf(nodes: FilterNode[]): FilterNode {
  const of = nodes.flatMap((node) => (node.kind === 'all' ? node.of : [node]));
  return of.length === 1 && of[0] ? of[0] : { kind: 'all', of };
}
const not = (of: FilterNode): FilterNode => ({ kind: 'not', of });
/** Of one value it is the plain question, which is answered sooner. */
const oneOf = (path: string, values: Scalar[]): FilterNode =>
  values.length === 1 && values[0] !== undefined
    ? test(path, { op: 'eq', value: values[0] })
    : test(path, { op: 'in', values });
const test = (path: string, asked: Test): FilterNode => ({ kind: 'test', path, test: asked });

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function scalar(value: unknown, path: string): Scalar {
  if (value === null || typeof value === 'boolean') return value;
  return bound(value, path);
}

function scalars(values: unknown, path: string): Scalar[] {
  return Array.isArray(values)
    ? values.map((value) => scalar(value, path))
    : invalid(`${path} needs an array to choose from`);
}

function bound(value: unknown, path: string): string | number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'string') {
    return isStorableText(value) ? value : invalid(`text compared with ${path} holds NUL or a lone surrogate`);
  }
  return invalid(`${path} is compared with ${value === undefined ? 'undefined' : 'something that has no such order'}`);
}

function checkedPath(path: string): string {
  if (!PATH.test(path) || DIGITS_ONLY.test(path)) {
    // Not the text itself: what a user sent may hold anything.
    invalid('a path must be up to 8 names of letters, digits, _ and -, joined by dots; none may be digits alone');
  }
  return path;
}

/** @throws FaultError FILTER_INVALID */
export function parseSort(sort: Sort | undefined): [path: string, direction: 1 | -1][] {
  return Object.entries(sort ?? {}).map(([path, direction]) => {
    if (direction !== 1 && direction !== -1) invalid(`the direction of ${checkedPath(path)} must be 1 or -1`);
    return [checkedPath(path), direction];
  });
}

/** @throws FaultError FILTER_INVALID */
export function checkPaging({ limit, skip }: FindOptions): void {
  // MongoDB takes 0 for "no limit", SQLite for "nothing".
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1))
    invalid('limit must be a whole number from 1');
  if (skip !== undefined && !(Number.isSafeInteger(skip) && skip >= 0)) invalid('skip must be a whole number from 0');
}

/** @throws FaultError NAME_INVALID */
export function checkedName(name: string): string {
  if (NAME.test(name) && !name.startsWith('system.')) return name;
  throw new FaultError(
    'NAME_INVALID',
    'a name must be 1 to 120 letters, digits, _, . and -, not starting with system.',
  );
}

/** @throws FaultError NAME_INVALID, FILTER_INVALID, INDEX_INVALID */
export function checkIndexes(indexes: readonly IndexSpec[]): void {
  for (const { name, key, unique, sparse } of indexes) {
    checkedName(name);
    if (sparse && (unique || Object.keys(key).length !== 1 || '_id' in key)) {
      throw new FaultError('INDEX_INVALID', `index ${name} is sparse: it must have one path, and cannot be unique`);
    }
    if (parseSort(key).length === 0 || indexes.filter((other) => other.name === name).length > 1) {
      throw new FaultError('INDEX_INVALID', `index ${name} must have a key, and a name of its own`);
    }
  }
}
