/**
 * The truth that every read model is compared with: the fold of the log in memory, event by event, without batches,
 * guards or checkpoints. Shared by `verify` and by the property tests, and kept apart from the runner's code on purpose.
 */
import { CUSTOMER_ERASED, canonicalJson, errorCode, type Fact, type Recorded } from '@timeline/kernel';
import { customerOwner, type AnyProjection, type Block, type Owner } from './projection.js';

export interface FoldedDocument {
  owner: Owner;
  content: Record<string, unknown> | undefined;
  block?: Block;
}

export class PureFold {
  readonly documents = new Map<string, FoldedDocument>();
  readonly #erased = new Set<Owner>();
  readonly #handles: ReadonlySet<string>;

  constructor(
    readonly projection: AnyProjection,
    /** Steps that an operator discarded: `discardId(event id, key)`. */
    readonly discarded: ReadonlySet<string> = new Set(),
  ) {
    this.#handles = new Set(projection.handles);
  }

  apply(event: Recorded<Fact>): void {
    if (event.type === CUSTOMER_ERASED && event.metadata.customerId) {
      const owner = customerOwner(event.metadata.customerId);
      this.#erased.add(owner);
      for (const [key, folded] of this.documents) if (folded.owner === owner) this.documents.delete(key);
    }
    if (!this.#handles.has(event.type)) return;
    for (const { key, owner } of this.projection.keys(event)) {
      if (this.#erased.has(owner)) continue;
      const before = this.documents.get(key);
      if (before?.block) continue;
      try {
        const content = this.projection.evolve(before?.content, event, key);
        if (before || content) this.documents.set(key, { owner, content });
      } catch (error) {
        if (this.discarded.has(discardId(event.id, key))) continue;
        const block = { position: event.position, eventId: event.id, code: errorCode(error) };
        this.documents.set(key, { owner, content: before?.content, block });
      }
    }
  }

  /** Canonical text of every document that is there, by key. */
  texts(): Map<string, string> {
    const texts = new Map<string, string>();
    for (const [key, { content, block }] of this.documents) {
      if (content || block) texts.set(key, canonicalJson({ content, block }));
    }
    return texts;
  }

  /** Canonical text of every derived document, by key. */
  derivedTexts(): Map<string, string> {
    const texts = new Map<string, string>();
    const { derivation } = this.projection;
    if (!derivation) return texts;
    const parts = new Map(
      [...this.documents].flatMap(([key, { content }]) => (content ? [[key, content] as const] : [])),
    );
    for (const group of groupsOf(parts, (part) => derivation.links?.(part) ?? [])) {
      for (const key of group) {
        const members = [key, ...group.filter((member) => member !== key)];
        const derived = derivation.derive(
          key,
          members.map((member) => ({ key: member, part: parts.get(member) })),
        );
        if (derived) texts.set(key, canonicalJson(derived));
      }
    }
    return texts;
  }
}

export const discardId = (eventId: string, key: string): string => `${eventId}/${key}`;

/** Connected components over links that both sides tell, each sorted. */
export function groupsOf<Part>(parts: ReadonlyMap<string, Part>, links: (part: Part) => string[]): string[][] {
  const told = new Map([...parts].map(([key, part]) => [key, new Set(links(part))]));
  const seen = new Set<string>();
  const groups: string[][] = [];
  for (const start of parts.keys()) {
    if (seen.has(start)) continue;
    const group = [start];
    seen.add(start);
    for (const key of group) {
      for (const other of told.get(key) ?? []) {
        if (seen.has(other) || !told.get(other)?.has(key)) continue;
        seen.add(other);
        group.push(other);
      }
    }
    groups.push(group.sort());
  }
  return groups;
}
