/** Stored documents as canonical text, which is how they are held against a fold or against each other. */
import { canonicalJson } from '@timeline/kernel';
import type { ReadCollection } from '@timeline/read-store';
import type { BuildCollections } from './build.js';
import { contentOf, type Stored, type StoredDerived } from './projection.js';

/** `derived` documents are the second stage. */
export type Kind = 'document' | 'derived';

export type AnyStored = { _id: string; _x?: true } & Partial<Stored & StoredDerived> & Record<string, unknown>;

export function collectionOf(collections: BuildCollections, kind: Kind): ReadCollection<AnyStored> {
  // Both hold content with bookkeeping beside it, and are only read here.
  return (kind === 'document' ? collections.documents : collections.derived) as ReadCollection<AnyStored>;
}

/** As `PureFold` gives it. */
export function textOf(kind: Kind, doc: AnyStored): string {
  const content = contentOf(doc);
  if (kind === 'derived') return canonicalJson(content);
  return canonicalJson({ content: Object.keys(content).length > 0 ? content : undefined, block: doc._b });
}

/** The members of what such a text holds; the block of a document is one of them. */
export function membersOf(kind: Kind, text: string): object {
  // Made by `textOf` or the fold.
  const parsed = JSON.parse(text) as { content?: object; block?: object };
  return kind === 'derived' ? parsed : { ...parsed.content, ...(parsed.block && { block: parsed.block }) };
}
