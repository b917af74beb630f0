/** The canonical JSON of a command's data, made once for the hash of the command's body and for that of the delivery it is. */
import { canonicalJson } from '@timeline/kernel';

const texts = new WeakMap<object, string>();

/** `data` must not change any more. */
export function canonicalTextOf(data: object): string {
  let text = texts.get(data);
  if (text === undefined) texts.set(data, (text = canonicalJson(data)));
  return text;
}

/** Canonical JSON of `{ data, type }`. */
export const canonicalBodyOf = (type: string, data: object): string =>
  `{"data":${canonicalTextOf(data)},"type":${JSON.stringify(type)}}`;
