/** `timeline parked list|retry|discard`: events that a projection could not apply. */
import type { Command } from 'commander';
import { DomainError } from '@timeline/kernel';
import type { ParkedDocument } from '@timeline/projecting';
import { withProduct } from './open-product.js';
import { positiveNumber, table, type Output } from './output.js';

export function addParked(program: Command, output: () => Output): void {
  const parked = program.command('parked').description('documents that wait behind an event that could not be applied');

  parked
    .command('list', { isDefault: true })
    .description('what is parked, with position, event and error code')
    .option('--limit <number>', 'as many at most', positiveNumber, 1_000)
    .action(({ limit }: { limit: number }) =>
      withProduct(false, async ({ product, parking }) => {
        const { builds } = product.engine;
        let total = 0;
        for (const build of await builds.list()) total += await builds.countBlocked(build._id);
        const documents: ParkedDocument[] = [];
        for await (const document of parking.stream()) {
          if (documents.length === limit) break;
          documents.push(document);
        }
        output().show({ parked: documents, total }, () =>
          documents.length === 0
            ? 'nothing is parked'
            : [
                table([
                  ['PROJECTION', 'KEY', 'POSITION', 'EVENT', 'CODE'],
                  ...documents.map(({ projection, key, position, eventId, code }) => [
                    projection,
                    key,
                    position,
                    eventId,
                    code,
                  ]),
                ]),
                ...(total > documents.length ? [`${documents.length} of ${total}; --limit shows more`] : []),
              ].join('\n'),
        );
      }),
    );

  parked
    .command('retry')
    .argument('[projection]', 'default: all')
    .argument('[key]')
    .description('fold again what waits, after the projection was mended')
    .action((projection: string | undefined, key: string | undefined) =>
      withProduct(false, async ({ parking }) => {
        const results = await each(parking.stream(projection, key), (document) => parking.retry(document));
        output().show({ retried: results }, () => told(results));
      }),
    );

  parked
    .command('discard')
    .argument('<projection>')
    .argument('<key>')
    .description('leave the blocking event out for this document, on record, and go on')
    .action((projection: string, key: string) =>
      withProduct(false, async ({ parking }) => {
        const results = await each(parking.stream(projection, key), (document) => parking.discard(document));
        if (results.length === 0) throw new DomainError('NOTHING_PARKED', `nothing is parked at ${projection} ${key}`);
        output().show({ discarded: results }, () => told(results));
      }),
    );
}

type Result = ParkedDocument & { free: boolean };

async function each(
  documents: AsyncIterable<ParkedDocument>,
  act: (document: ParkedDocument) => Promise<boolean>,
): Promise<Result[]> {
  const results: Result[] = [];
  for await (const document of documents) results.push({ ...document, free: await act(document) });
  return results;
}

const told = (results: readonly Result[]): string =>
  results.length === 0
    ? 'nothing is parked'
    : results.map(({ projection, key, free }) => `${projection} ${key}: ${free ? 'free' : 'still blocked'}`).join('\n');
