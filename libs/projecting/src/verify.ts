/**
 * `verify`: folds the log afresh in memory and compares every document of a build with it. The build may be moving:
 * what differs is looked at again after the fold has followed it, so a difference that is told is one.
 */
import type { PersonalVault } from '@timeline/key-store';
import type { EventStore } from '@timeline/event-store';
import { canonicalJson, CUSTOMER_ERASED, delay, DomainError, type Position, type Upcasters } from '@timeline/kernel';
import type { Builds, BuildRecord } from './build.js';
import { contentOf, type AnyProjection, type Stored, type StoredDerived } from './projection.js';
import { PureFold } from './pure-fold.js';

export interface Difference {
  /** `derived` documents are the second stage. */
  kind: 'document' | 'derived';
  key: string;
  problem: 'missing' | 'unexpected' | 'different';
  /** Members whose values differ; names only, never values. */
  members: string[];
}

export interface VerifyReport {
  projection: string;
  build: string;
  upTo: Position | undefined;
  documents: number;
  parked: number;
  differences: Difference[];
}

export interface VerifyOptions {
  events: EventStore;
  vault: Pick<PersonalVault, 'open'>;
  upcasters: Upcasters;
  builds: Builds;
  discarded: ReadonlySet<string>;
  /** Called with the number of events folded so far. */
  progress?: (events: number) => void;
  /** How long to wait for a build that is behind the log, default 30 s. */
  waitMs?: number;
  /** For a build that nobody moves: where it stands. It is compared with the log up to there. */
  upTo?: Position;
}

/** A build that moves is compared this often at most; then what still differs is told. */
const ROUNDS = 10;

/** @throws DomainError BUILD_BEHIND when the build does not come to the log's head in time (is the product running?) */
export async function verifyBuild(
  projection: AnyProjection,
  build: BuildRecord,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const fold = new PureFold(projection, options.discarded);
  let folded: Position | undefined;
  let events = 0;
  for (let round = 1; ; round += 1) {
    const end = options.upTo ?? (await options.events.head())?.position;
    if (end && end !== folded) {
      const reading = options.events.readAll({
        ...(folded && { after: folded }),
        until: end,
        types: options.upcasters.storedTypes([...projection.handles, CUSTOMER_ERASED]),
      });
      for await (const batch of reading) {
        for (const event of await options.vault.open(batch)) fold.apply(event);
        options.progress?.((events += batch.length));
      }
      folded = end;
    }
    await waitForBuild(build, folded, options);
    const { documents, differences } = await compare(fold, build, options.builds);
    const moved = !options.upTo && (await options.events.head())?.position !== folded;
    if (differences.length === 0 || !moved || round === ROUNDS) {
      const parked = [...fold.documents.values()].filter((document) => document.block).length;
      return { projection: projection.name, build: build._id, upTo: folded, documents, parked, differences };
    }
  }
}

async function waitForBuild(build: BuildRecord, position: Position | undefined, options: VerifyOptions): Promise<void> {
  const end = performance.now() + (options.waitMs ?? 30_000);
  while (position) {
    const checkpoint = (await options.builds.checkpoints([build._id])).get(build._id);
    if (checkpoint && checkpoint.position >= position) return;
    if (performance.now() > end) {
      throw new DomainError(
        'BUILD_BEHIND',
        `build ${build._id} is at ${checkpoint?.position ?? 'the beginning'}, the log at ${position}; ` +
          'start the product (or wait for it), then verify again',
      );
    }
    await delay(50);
  }
}

async function compare(
  fold: PureFold,
  build: BuildRecord,
  builds: Builds,
): Promise<{ documents: number; differences: Difference[] }> {
  const { documents, derived } = builds.collections(build._id);
  const differences: Difference[] = [];
  let count = 0;
  const pairs = [
    { kind: 'document', expected: fold.texts(), stored: documents, textOf: textOfDocument },
    { kind: 'derived', expected: fold.derivedTexts(), stored: derived, textOf: textOfDerived },
  ] as const;
  for (const { kind, expected, stored, textOf } of pairs) {
    if (kind === 'derived' && !fold.projection.derivation) continue;
    for await (const page of stored.stream({ _x: { $exists: false } })) {
      for (const doc of page) {
        count += 1;
        // Both collections hold documents with `_`-bookkeeping; each text function reads its own.
        const actual = textOf(doc as Stored & StoredDerived & Record<string, unknown>);
        const wanted = expected.get(doc._id);
        expected.delete(doc._id);
        if (wanted === undefined) differences.push({ kind, key: doc._id, problem: 'unexpected', members: [] });
        else if (wanted !== actual) {
          differences.push({ kind, key: doc._id, problem: 'different', members: differingMembers(wanted, actual) });
        }
      }
    }
    for (const key of expected.keys()) differences.push({ kind, key, problem: 'missing', members: [] });
  }
  return { documents: count, differences };
}

const textOfDocument = (doc: Stored & Record<string, unknown>): string => {
  const content = contentOf(doc);
  return canonicalJson({ content: Object.keys(content).length > 0 ? content : undefined, block: doc._b });
};
const textOfDerived = (doc: StoredDerived & Record<string, unknown>): string => canonicalJson(contentOf(doc));

function differingMembers(a: string, b: string): string[] {
  const flatten = (text: string): Record<string, unknown> => {
    const { content, block, ...rest } = JSON.parse(text) as { content?: object; block?: object };
    return { ...rest, ...content, ...(block && { block }) };
  };
  const left = flatten(a);
  const right = flatten(b);
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
    .filter((name) => canonicalJson(left[name]) !== canonicalJson(right[name]))
    .sort();
}
