/**
 * The golden corpus: events of every type and schema version ever written, as the log holds them (`personal` opened),
 * replayed through every projection. What comes out is compared by hash: a projection that folds the same events to
 * something else must have a new version, or old builds would be continued by new code.
 *
 * After raising a version: `UPDATE_GOLDEN=1 npm test -- test/golden`. Never change or remove a line of the corpus; add one
 * for every new type or schema version.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { canonicalJson, Upcasters, type Fact, type Recorded } from '@timeline/kernel';
import { PureFold } from '@timeline/projecting';
import { productSlices } from '@timeline/product';

const corpusFile = new URL('events.ndjson', import.meta.url);
const hashesFile = new URL('projections.json', import.meta.url);

const slices = productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'US' });
const upcasters = new Upcasters(slices.flatMap((slice) => [...(slice.upcasters ?? [])]));
const projections = slices.flatMap((slice) => [...(slice.projections ?? [])]);

// The corpus was written by the product itself.
const written = readFileSync(corpusFile, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded<Fact>);
const corpus = written.map((event): Recorded<Fact> => {
  const { fact, schemaVersion } = upcasters.lift(event, event.metadata.schemaVersion);
  return { ...event, ...fact, metadata: { ...event.metadata, schemaVersion } };
});

type Hashes = Record<string, { version: number; hash: string }>;

const hashes = (): Hashes =>
  Object.fromEntries(
    projections.map((projection) => {
      const fold = new PureFold(projection);
      for (const event of corpus) fold.apply(event);
      const sorted = (texts: Map<string, string>): [string, string][] =>
        [...texts].sort(([a], [b]) => (a < b ? -1 : 1));
      const touched = corpus
        .filter((event) => projection.handles.includes(event.type))
        .map((event) => projection.keys(event));
      const text = canonicalJson([
        [...projection.handles].sort(),
        touched,
        sorted(fold.texts()),
        sorted(fold.derivedTexts()),
      ]);
      return [
        projection.name,
        { version: projection.version, hash: createHash('sha256').update(text).digest('hex').slice(0, 16) },
      ];
    }),
  );

describe('the golden corpus', () => {
  it('holds every type that a projection handles', () => {
    const known = new Set(corpus.map((event) => event.type));
    const missing = projections.flatMap((projection) => projection.handles.filter((type) => !known.has(type)));
    expect([...new Set(missing)]).toEqual([]);
  });

  it.each(projections.map((projection) => [projection.name, projection] as const))(
    'is folded by %s without a block',
    (_name, projection) => {
      const fold = new PureFold(projection);
      for (const event of corpus) fold.apply(event);
      expect([...fold.documents.values()].flatMap((document) => document.block ?? [])).toEqual([]);
    },
  );

  it('is folded to the same documents as ever, or by a new version', () => {
    const stored = JSON.parse(readFileSync(hashesFile, 'utf8')) as Hashes;
    const now = hashes();
    for (const [name, { version, hash }] of Object.entries(now)) {
      const before = stored[name];
      if (before && before.hash !== hash && before.version === version) {
        throw new Error(
          `projection ${name} folds the corpus to something else than before: raise its version (now ${version})`,
        );
      }
    }
    if (process.env['UPDATE_GOLDEN']) writeFileSync(hashesFile, `${JSON.stringify(now, null, 2)}\n`);
    else expect(now).toEqual(stored);
  });
});
