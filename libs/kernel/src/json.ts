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

/** Names of the top-level members that differ, sorted: tells what a conflict is about without telling values. */
export function differingMembers(a: object, b: object): string[] {
  const before: Record<string, unknown> = { ...a };
  const after: Record<string, unknown> = { ...b };
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => canonicalJson(before[name] ?? null) !== canonicalJson(after[name] ?? null))
    .sort();
}
