/**
 * The difference report between two builds of a projection, of one version or of two: what a switch would change. Both
 * are read in the order of their keys, side by side, so that memory does not grow with them.
 */
import { differingMembers, type Position } from '@timeline/kernel';
import type { ReadCollection } from '@timeline/read-store';
import type { Builds, BuildRecord } from './build.js';
import { collectionOf, membersOf, textOf, type AnyStored, type Kind } from './document-text.js';
import { compareKeys, KeyRange } from './key-order.js';

export interface ComparedBuild {
  build: string;
  version: number;
  /** Where it stood before the comparison. Builds at different positions differ by what lies between, too. */
  position: Position | undefined;
}

export interface BuildDifference {
  kind: Kind;
  key: string;
  /** Which of the builds hold it. */
  in: 'from' | 'to' | 'both';
  /** Members whose values differ; names only, never values. */
  members: string[];
}

export interface ComparisonCounts {
  equal: number;
  different: number;
  onlyInFrom: number;
  onlyInTo: number;
}

export interface Comparison {
  projection: string;
  from: ComparedBuild;
  to: ComparedBuild;
  documents: ComparisonCounts;
  derived: ComparisonCounts;
  /** The first ones, by key: documents, then derived ones. */
  differences: BuildDifference[];
}

/** @param limit how many differences to list; all are counted */
export async function compareBuilds(
  builds: Builds,
  from: BuildRecord,
  to: BuildRecord,
  limit = 20,
): Promise<Comparison> {
  const checkpoints = await builds.checkpoints([from._id, to._id]);
  const compared = ({ _id, version }: BuildRecord): ComparedBuild => ({
    build: _id,
    version,
    position: checkpoints.get(_id)?.position,
  });
  const none: ComparisonCounts = { equal: 0, different: 0, onlyInFrom: 0, onlyInTo: 0 };
  const report: Comparison = {
    projection: from.projection,
    from: compared(from),
    to: compared(to),
    documents: { ...none },
    derived: { ...none },
    differences: [],
  };
  for (const kind of ['document', 'derived'] as const) {
    const counts = kind === 'document' ? report.documents : report.derived;
    const collection = ({ _id }: BuildRecord): ReadCollection<AnyStored> => collectionOf(builds.collections(_id), kind);
    for await (const [a, b] of sideBySide(collection(from), collection(to))) {
      let members: string[] = [];
      if (a && b) {
        const [before, after] = [textOf(kind, a), textOf(kind, b)];
        if (before === after) {
          counts.equal += 1;
          continue;
        }
        counts.different += 1;
        members = differingMembers(membersOf(kind, before), membersOf(kind, after));
      } else if (a) counts.onlyInFrom += 1;
      else counts.onlyInTo += 1;
      const key = (a ?? b)?._id ?? '';
      if (report.differences.length < limit)
        report.differences.push({ kind, key, in: a && b ? 'both' : a ? 'from' : 'to', members });
    }
  }
  return report;
}

/** Documents that are there, in the order of their keys; together where both have one. */
async function* sideBySide(
  left: ReadCollection<AnyStored>,
  right: ReadCollection<AnyStored>,
): AsyncGenerator<[AnyStored | undefined, AnyStored | undefined]> {
  const [ofLeft, ofRight] = [oneByOne(left), oneByOne(right)];
  try {
    let a = await ofLeft.next();
    let b = await ofRight.next();
    while (!a.done || !b.done) {
      const order = a.done ? 1 : b.done ? -1 : compareKeys(a.value._id, b.value._id);
      yield [order <= 0 && !a.done ? a.value : undefined, order >= 0 && !b.done ? b.value : undefined];
      if (order <= 0) a = await ofLeft.next();
      if (order >= 0) b = await ofRight.next();
    }
  } finally {
    await Promise.all([ofLeft.return(undefined), ofRight.return(undefined)]);
  }
}

async function* oneByOne(collection: ReadCollection<AnyStored>): AsyncGenerator<AnyStored, undefined> {
  for await (const page of collection.stream(new KeyRange().filter)) yield* page;
}
