/**
 * The second stage: documents that depend on other documents. For every key that a batch touched and every member
 * of its groups: read the version of the derived document, then the parts, then compare and set; start over on a miss.
 * The version goes up with every derive, equal or not. (Skipping the write when equal loses an update: of two
 * runners, the one that read older parts could write last without the other noticing.)
 */
import { delay, isSameJson } from '@timeline/kernel';
import type { GuardedWrite } from '@timeline/read-store';
import { guarded, type BuildCollections } from './build.js';
import { contentOf, type Derivation, type Stored, type StoredDerived } from './projection.js';
import { groupsOf } from './pure-fold.js';

type Part = Record<string, unknown>;

export async function deriveAll(
  derivation: Derivation<Part, Part>,
  collections: BuildCollections,
  written: ReadonlySet<string>,
): Promise<void> {
  const touched = new Set([...written].filter((key) => derivation.appliesTo?.(key) ?? true));
  let pending = new Set(touched);
  for (let attempt = 0; pending.size > 0; attempt += 1) {
    // Two runners in step, each writing what the other is about to write, would make each other miss for ever.
    if (attempt > 0) await delay(Math.random() * Math.min(100, 2 ** attempt));
    const { epoch } = collections;
    const { versions, parts } = await readAround(derivation, collections, pending);
    const groups = new Map(
      groupsOf(parts, (part) => derivation.links?.(part) ?? []).flatMap((members) => {
        const group = { members, parts: members.map((key) => ({ key, part: parts.get(key) ?? {} })) };
        return members.map((key) => [key, group] as const);
      }),
    );
    const writes = [...pending].map((key) => {
      const group = groups.get(key);
      return derivedWrite(key, group?.members ?? [], group && derivation.derive(key, group.parts), versions.get(key));
    });
    // The touched ones last, and not before all others of their groups: until they are written, their old members lead
    // a redelivery to the others again.
    const missed = new Set(await collections.derived.writeGuarded(writes.filter(({ doc }) => !touched.has(doc._id))));
    const isHeld = ({ _id, _m }: StoredDerived): boolean =>
      [..._m, ...(versions.get(_id)?._m ?? [])].some((member) => !touched.has(member) && missed.has(member));
    const last = writes.filter(({ doc }) => touched.has(doc._id));
    const held = last.filter(({ doc }) => isHeld(doc));
    const rest = last.filter(({ doc }) => !isHeld(doc));
    pending = new Set([
      ...missed,
      ...held.map(({ doc }) => doc._id),
      ...(await collections.derived.writeGuarded(rest)),
      // Of a store that came back as an older copy meanwhile: what it lacks of the others, the touched ones no longer lead to.
      ...(collections.epoch === epoch ? [] : writes.map(({ doc }) => doc._id)),
    ]);
  }
}

function derivedWrite(
  key: string,
  members: string[],
  content: Part | undefined,
  before: (StoredDerived & Part) | undefined,
): GuardedWrite<StoredDerived & Part> {
  const version = before?._v ?? 0;
  const same = before !== undefined && isSameJson(before._x ? undefined : contentOf(before), content);
  const contentVersion = (before?._c ?? 0) + (same ? 0 : 1);
  // As in `storedOf`: one spread, behind the names.
  const rest = content ?? { _x: true };
  return guarded({ _id: key, _v: version + 1, _c: contentVersion, _m: members, ...rest }, version);
}

/** The derived documents of keys whose parts are about to be written, as they are before that. */
export async function derivedBefore(
  derivation: Derivation<Part, Part>,
  collections: BuildCollections,
  keys: Iterable<string>,
): Promise<Map<string, StoredDerived & Part>> {
  const parts = [...keys].filter((key) => derivation.appliesTo?.(key) ?? true);
  const found = parts.length === 0 ? [] : await collections.derived.findByIds(parts);
  return new Map(found.map((doc) => [doc._id, doc]));
}

/**
 * Parts that are about to be written and are alone in their groups, now and at the last derive: of them nothing needs to be
 * read but the derived documents, and those before the parts are written, which is as good as reading parts after versions.
 */
export class LoneParts {
  readonly #parts: [key: string, part: Part][];

  constructor(
    private readonly derivation: Derivation<Part, Part>,
    private readonly collections: BuildCollections,
    parts: ReadonlyMap<string, Part>,
    private readonly before: ReadonlyMap<string, StoredDerived & Part>,
  ) {
    this.#parts = [...parts].filter(
      ([key, part]) =>
        (derivation.appliesTo?.(key) ?? true) &&
        (derivation.links?.(part) ?? []).length === 0 &&
        Object.keys(part).length > 0 &&
        !before.get(key)?._m.some((member) => member !== key),
    );
  }

  /** To be called once the parts are written. Answers the keys whose derived documents are written too. */
  async derive(): Promise<string[]> {
    const writes = this.#parts.map(([key, part]) =>
      derivedWrite(key, [key], this.derivation.derive(key, [{ key, part }]), this.before.get(key)),
    );
    const missed = new Set(await this.collections.derived.writeGuarded(writes));
    return this.#parts.flatMap(([key]) => (missed.has(key) ? [] : [key]));
  }
}

/**
 * The derived documents and the parts of `pending` and of all members of their groups, now and at the last derive;
 * `pending` grows by them. Versions are read before parts: whenever a new member is found, both are read again.
 */
async function readAround(
  derivation: Derivation<Part, Part>,
  collections: BuildCollections,
  pending: Set<string>,
): Promise<{ versions: Map<string, StoredDerived & Part>; parts: Map<string, Part> }> {
  for (;;) {
    const size = pending.size;
    const versions = new Map((await collections.derived.findByIds([...pending])).map((doc) => [doc._id, doc]));
    for (const doc of versions.values()) for (const member of doc._m) pending.add(member);
    const parts = new Map<string, Part>();
    for (const doc of await collections.documents.findByIds([...pending])) {
      if (!isAbsent(doc)) parts.set(doc._id, contentOf(doc));
    }
    for (const part of parts.values()) for (const other of derivation.links?.(part) ?? []) pending.add(other);
    if (pending.size === size) return { versions, parts };
  }
}

/** A tombstone, or a document that holds nothing but a block on its first event. */
const isAbsent = (doc: Stored & Part): boolean => doc._x === true || Object.keys(contentOf(doc)).length === 0;
