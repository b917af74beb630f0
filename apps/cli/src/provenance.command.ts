/** `timeline provenance` and `timeline revert`: what a source or an import said of customers, and taking it back. */
import { QueryBus } from '@nestjs/cqrs';
import { Option, type Command } from 'commander';
import { CustomerImports, ListSaid, ProvenanceParams, RevertBody } from '@timeline/customers';
import { validateDto, ValidationError, type DtoClass } from '@timeline/http';
import { DomainError } from '@timeline/kernel';
import { withProduct } from './open-product.js';
import type { Output } from './output.js';

interface Flags {
  source?: string;
  import?: string;
  field?: string;
}

const ACTOR = 'cli';
const PAGE = 200;

export function addProvenance(program: Command, output: () => Output): void {
  whose(program.command('provenance'))
    .description('values that a source or an import said and has not taken back; with --json a customer a line')
    .action((flags: Flags) =>
      withProduct(false, async ({ product, context }) => {
        const asked = checked(ProvenanceParams, { ...flags, limit: PAGE });
        const queries = (await context()).get(QueryBus, { strict: false });
        // All pages tell at least of what was there when it was asked.
        const position = (await product.events.head())?.position;
        for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
          const page = await queries.execute(new ListSaid({ ...asked, ...(cursor && { cursor }) }, position));
          for (const said of page.items) {
            output().show(said, () =>
              said.values
                .map(({ field, value, system, holds, at }) =>
                  [said.customerId, system ? `${field}:${system}` : field, JSON.stringify(value), at]
                    .concat(holds ? [] : ['does not hold'])
                    .join('  '),
                )
                .join('\n'),
            );
          }
          cursor = page.next;
        }
      }),
    );

  whose(program.command('revert'))
    .option('--dry-run', 'tell what would become of the customers and write nothing')
    .description('takes back what a source or an import said; cut off, run it again; a second time changes nothing')
    .action(({ dryRun = false, ...flags }: Flags & { dryRun?: boolean }) =>
      withProduct(false, async ({ context }) => {
        const asked = checked(RevertBody, flags);
        const imports = (await context()).get(CustomerImports, { strict: false });
        for await (const each of imports.takeBack(asked, ACTOR, { dryRun })) {
          if (each.kind === 'progress') {
            output().note(each.counts);
            continue;
          }
          const { customers, withdrawn, retracted, unchanged } = each.counts;
          output().show({ ...each.counts, dryRun, ...(each.position && { position: each.position }) }, () =>
            [
              `${customers} customers: of ${retracted} it ${dryRun ? 'would be' : 'was'} taken back, ${withdrawn} ` +
                `${dryRun ? 'would be' : 'were'} withdrawn, ${unchanged} unchanged`,
              ...(dryRun ? ['Nothing was written.'] : []),
            ].join('\n'),
          );
        }
      }),
    );
}

const whose = (command: Command): Command =>
  command
    .addOption(new Option('--source <name>', 'a system').conflicts('import'))
    .option('--import <id>', 'an import, by the id that it was answered with')
    .option('--field <name>', 'only this field, what is in it (traits), or this kind of identity (phone)');

/** As the same is checked over HTTP, with options for pointers. */
function checked<T extends object>(cls: DtoClass<T>, given: object): T {
  try {
    return validateDto(cls, given);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    const said = error.violations.map(({ pointer, message }) => `--${pointer.slice(1)} ${message}`).join('; ');
    throw new DomainError('OPTION_REFUSED', said);
  }
}
