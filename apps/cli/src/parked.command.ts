/** `timeline parked list|retry|discard`: events that a projection could not apply. */
import type { Command } from 'commander';
import { DomainError } from '@timeline/kernel';
import type { ParkedDocument, Parking } from '@timeline/projecting';
import { withProduct } from './open-product.js';
import { table, type Output } from './output.js';

export function addParked(program: Command, output: () => Output): void {
  const parked = program.command('parked').description('documents that wait behind an event that could not be applied');

  parked
    .command('list', { isDefault: true })
    .description('what is parked, with position, event and error code')
    .action(() =>
      withProduct(false, async ({ parking }) => {
        const documents = await parking.list();
        output().show({ parked: documents }, () =>
          documents.length === 0
            ? 'nothing is parked'
            : table([
                ['PROJECTION', 'KEY', 'POSITION', 'EVENT', 'CODE'],
                ...documents.map(({ projection, key, position, eventId, code }) => [
                  projection,
                  key,
                  position,
                  eventId,
                  code,
                ]),
              ]),
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
        const results = await each(await chosen(parking, projection, key), (document) => parking.retry(document));
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
        const documents = await chosen(parking, projection, key);
        if (documents.length === 0)
          throw new DomainError('NOTHING_PARKED', `nothing is parked at ${projection} ${key}`);
        const results = await each(documents, (document) => parking.discard(document));
        output().show({ discarded: results }, () => told(results));
      }),
    );
}

async function chosen(parking: Parking, projection?: string, key?: string): Promise<ParkedDocument[]> {
  const all = await parking.list();
  return all.filter(
    (document) => (!projection || document.projection === projection) && (!key || document.key === key),
  );
}

type Result = ParkedDocument & { free: boolean };

async function each(
  documents: readonly ParkedDocument[],
  act: (document: ParkedDocument) => Promise<boolean>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const document of documents) results.push({ ...document, free: await act(document) });
  return results;
}

const told = (results: readonly Result[]): string =>
  results.length === 0
    ? 'nothing is parked'
    : results.map(({ projection, key, free }) => `${projection} ${key}: ${free ? 'free' : 'still blocked'}`).join('\n');
