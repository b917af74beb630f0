/**
 * What may be stored: JSON that comes back byte for byte from both stores. MongoDB would silently change dates, lone
 * surrogates and objects that look like its own types, and refuse other names; SQLite cuts text at NUL when it is read
 * out of a document. All of it is refused by both, before anything is written.
 */
import { FaultError } from '@timeline/kernel';
import type { GuardedWrite, StoredDocument } from './read-store.port.js';

/** MongoDB's limit. */
const MAX_DEPTH = 100;

export const isStorableText = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** @throws FaultError WRITE_INVALID, DOCUMENT_INVALID */
export function checkWrites(collection: string, writes: readonly GuardedWrite<StoredDocument>[]): void {
  const ids = new Set<string>();
  for (const { doc, guard } of writes) {
    checkDocument(collection, doc);
    if (ids.has(doc._id)) {
      throw new FaultError(
        'WRITE_INVALID',
        `two writes to one document of ${collection} in one bulk; merge them first`,
      );
    }
    ids.add(doc._id);
    if (guard !== 'absent' && typeof guard.equals !== 'string' && !Number.isFinite(guard.equals)) {
      throw new FaultError(
        'WRITE_INVALID',
        `a guard on ${collection}.${guard.path} must compare with text or a number`,
      );
    }
  }
}

function checkDocument(collection: string, doc: StoredDocument): void {
  const refuse = (what: string): never => {
    // Neither names nor values: both may be a person's.
    throw new FaultError('DOCUMENT_INVALID', `a document for ${collection} cannot be stored: ${what}`);
  };
  const check = (value: unknown, depth: number): void => {
    switch (typeof value) {
      case 'string':
        if (!isStorableText(value)) refuse('text holds NUL or a lone surrogate');
        return;
      case 'number':
        if (!Number.isFinite(value)) refuse('a number is not finite');
        return;
      case 'boolean':
      case 'undefined':
        return;
      case 'object':
        break;
      default:
        return refuse(`it holds a ${typeof value}`);
    }
    if (value === null) return;
    if (depth >= MAX_DEPTH) refuse(`it is nested deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(value)) {
      for (const item of value) check(item, depth + 1);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    // Its parent's parent is nothing: a plain object, of this realm or (in Jest) of another.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) refuse('it holds an object that is not plain');
    // Not `Object.entries`, which makes an array for each: this is done to all that is written.
    for (const name in value) {
      if (name.startsWith('$') || name === '_bsontype') refuse('a name starts with $ or is _bsontype');
      if (!isStorableText(name)) refuse('a name holds NUL or a lone surrogate');
      // Any object is a record of what it holds.
      check((value as Record<string, unknown>)[name], depth + 1);
    }
  };
  if (typeof doc._id !== 'string' || doc._id === '') refuse('_id must be text');
  check(doc, 0);
}
