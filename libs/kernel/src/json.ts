/** JSON values as they travel: what is stored, sent and compared is always one of these. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue | undefined;
}

/**
 * One text for one value: keys sorted, `undefined` members left out. Two documents are equal when their
 * canonical texts are; `verify` and body hashes rest on it.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/**
 * JSON pointers (RFC 6901) to the innermost places at which two values differ: tells what a conflict is about without
 * telling a value. Lists of different lengths differ as a whole.
 */
export function differingPointers(a: unknown, b: unknown, pointer = ''): string[] {
  if (canonicalJson(a ?? null) === canonicalJson(b ?? null)) return [];
  const isList = Array.isArray(a) && Array.isArray(b) && a.length === b.length;
  if (!isList && !(isMap(a) && isMap(b))) return [pointer];
  const before = new Map(Object.entries(a));
  const after = new Map(Object.entries(b));
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .flatMap((name) => differingPointers(before.get(name), after.get(name), `${pointer}/${escaped(name)}`));
}

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);
const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
