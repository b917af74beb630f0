/**
 * The truth that every read model is compared with: the fold of the log in memory, event by event, without batches,
 * guards or checkpoints. Shared by `verify` and by the property tests, and kept apart from the runner's code on purpose.
 */
import { CUSTOMER_ERASED, canonicalJson, errorCode, type Fact, type Recorded } from '@timeline/kernel';
import { customerOwner, type AnyProjection, type Block, type Owner } from './projection.js';
import { assertWeight, weightAfter } from './weight.js';

export interface FoldedDocument {
  owner: Owner;
  /** Undefined only where nothing but a block is there. */
  content: Record<string, unknown> | undefined;
  block?: Block;
  folds: number;
  /** About how many bytes it is. */
  weight: number;
}

type Part = Record<string, unknown>;

export class PureFold {
  readonly documents = new Map<string, FoldedDocument>();
  /** About how many bytes of documents are held. */
  weight = 0;
  /** Keys by the customer who owns them, so that an erasure does not look at every document. */
  readonly #owned = new Map<Owner, Set<string>>();
  readonly #erased = new Set<Owner>();
  readonly #handles: ReadonlySet<string>;
  #isWanted: (key: string) => boolean;

  constructor(
    readonly projection: AnyProjection,
    /** Steps that an operator discarded: `discardId(event id, key)`. */
    readonly discarded: ReadonlySet<string> = new Set(),
    /** Which documents to fold; the others are left out as if no event touched them. */
    isWanted: (key: string) => boolean = () => true,
    /** Steps where a document may have become too heavy, `discardId(event id, key)`: it is weighed there and where one was discarded. */
    readonly weighed: ReadonlySet<string> = new Set(),
  ) {
    this.#handles = new Set(projection.handles);
    this.#isWanted = isWanted;
  }

  apply(event: Recorded<Fact>): void {
    if (event.type === CUSTOMER_ERASED && event.metadata.customerId) {
      const owner = customerOwner(event.metadata.customerId);
      this.#erased.add(owner);
      for (const key of this.#owned.get(owner) ?? []) {
        this.weight -= this.documents.get(key)?.weight ?? 0;
        this.documents.delete(key);
      }
      this.#owned.delete(owner);
    }
    if (!this.#handles.has(event.type)) return;
    for (const { key, owner } of this.projection.keys(event)) {
      if (this.#erased.has(owner) || !this.#isWanted(key)) continue;
      const before = this.documents.get(key);
      if (before?.block) continue;
      try {
        const content = this.projection.evolve(before?.content, event, key);
        if (this.#isWeighedAt(event.id, key)) assertWeight(this.projection, content);
        if (content) this.#set(key, before, { owner, content });
        else if (before) this.#delete(key, before);
      } catch (error) {
        if (this.discarded.has(discardId(event.id, key))) continue;
        const block = { position: event.position, eventId: event.id, code: errorCode(error) };
        this.#set(key, before, { owner, content: before?.content, block });
      }
    }
  }

  #isWeighedAt(eventId: string, key: string): boolean {
    // Asked of every step, and there is hardly ever one.
    if (this.weighed.size === 0 && this.discarded.size === 0) return false;
    const step = discardId(eventId, key);
    return this.weighed.has(step) || this.discarded.has(step);
  }

  /** Lets go of every document that is not wanted any more. */
  narrow(isWanted: (key: string) => boolean): void {
    this.#isWanted = isWanted;
    for (const [key, folded] of this.documents) if (!isWanted(key)) this.#delete(key, folded);
  }

  /** Canonical text of a document, if it is there. */
  text(key: string): string | undefined {
    const folded = this.documents.get(key);
    return folded && canonicalJson({ content: folded.content, block: folded.block });
  }

  /** Canonical text of a derived document, if there is one. */
  derivedText(key: string): string | undefined {
    const { derivation } = this.projection;
    if (!derivation || derivation.appliesTo?.(key) === false) return undefined;
    const parts = new Map([...this.reach(key)].flatMap(([member, part]) => (part ? [[member, part] as const] : [])));
    const group = groupsOf(parts, (part) => derivation.links?.(part) ?? []).find((members) => members.includes(key));
    if (!group) return undefined;
    const derived = derivation.derive(
      key,
      group.map((member) => ({ key: member, part: parts.get(member) })),
    );
    return derived && canonicalJson(derived);
  }

  /** Every key that links lead to from `key`, itself first, with its part where there is one. Holds its whole group. */
  reach(key: string): Map<string, Part | undefined> {
    const { derivation } = this.projection;
    const reached = new Map([[key, this.documents.get(key)?.content]]);
    // What is added on the way is gone through too.
    for (const part of reached.values()) {
      for (const other of (part && derivation?.links?.(part)) ?? [])
        if (!reached.has(other)) reached.set(other, this.documents.get(other)?.content);
    }
    return reached;
  }

  /** Canonical text of every document that is there, by key. */
  texts(): Map<string, string> {
    return this.#textsBy((key) => this.text(key));
  }

  /** Canonical text of every derived document, by key. */
  derivedTexts(): Map<string, string> {
    return this.#textsBy((key) => this.derivedText(key));
  }

  #textsBy(textOf: (key: string) => string | undefined): Map<string, string> {
    const texts = new Map<string, string>();
    for (const key of this.documents.keys()) {
      const text = textOf(key);
      if (text !== undefined) texts.set(key, text);
    }
    return texts;
  }

  #set(
    key: string,
    before: FoldedDocument | undefined,
    { owner, content, block }: Pick<FoldedDocument, 'owner' | 'content' | 'block'>,
  ): void {
    const folds = (before?.folds ?? 0) + 1;
    const weight = weightAfter(folds, content, before?.weight ?? 0);
    this.weight += weight - (before?.weight ?? 0);
    this.documents.set(key, { owner, content, ...(block && { block }), folds, weight });
    if (!owner.startsWith('customer:')) return;
    const owned = this.#owned.get(owner);
    if (owned) owned.add(key);
    else this.#owned.set(owner, new Set([key]));
  }

  #delete(key: string, { owner, weight }: FoldedDocument): void {
    this.documents.delete(key);
    this.weight -= weight;
    const owned = this.#owned.get(owner);
    owned?.delete(key);
    if (owned?.size === 0) this.#owned.delete(owner);
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
