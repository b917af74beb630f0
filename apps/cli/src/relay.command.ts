/** `timeline relay parked|release`: events that could not be published, asked of the relay that publishes. */
import { InvalidArgumentError, type Command } from 'commander';
import { DomainError } from '@timeline/kernel';
import { askRelay } from '@timeline/relaying';
import { withProduct, type Opened } from './open-product.js';
import { table, type Output } from './output.js';

const WAIT_SECONDS = 60;

export function addRelay(program: Command, output: () => Output): void {
  const relay = program
    .command('relay')
    .description('customers whose events wait in a parked topic; needs a running process with the role relay');

  relay
    .command('parked', { isDefault: true })
    .option('--wait <seconds>', 'how long to wait for the relay', seconds, WAIT_SECONDS)
    .description('who waits, behind which event, with its error code')
    .action(({ wait }: { wait: number }) =>
      withProduct(false, async ({ product }) => {
        const parked = await askRelay(product.reads, publicationOf(product), 'parked', { waitMs: wait * 1000 });
        output().show({ parked }, () =>
          parked.length === 0
            ? 'nothing is parked'
            : table([
                ['TOPIC', 'KEY', 'POSITION', 'EVENT', 'CODE'],
                ...parked.map(({ topic, key, position, eventId, code }) => [topic, key, position, eventId, code]),
              ]),
        );
      }),
    );

  relay
    .command('release')
    .option('--wait <seconds>', 'how long to wait for the relay', seconds, WAIT_SECONDS)
    .description('publish what waits, in order, after the mapping was mended in the running product')
    .action(({ wait }: { wait: number }) =>
      withProduct(false, async ({ product }) => {
        const result = await askRelay(product.reads, publicationOf(product), 'release', { waitMs: wait * 1000 });
        output().show(result, () => `released ${result.released}, still parked ${result.stillParked}`);
      }),
    );
}

function publicationOf(product: Opened['product']): string {
  if (product.messages) return product.publication;
  throw new DomainError('RELAY_OFF', 'nothing is published without a broker; set BROKER_URL as the product has it');
}

function seconds(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number of seconds from 1 to 99999');
}
