/** `timeline import`: commands from a file, or the demo's data, through the command path. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { BulkCommands } from '@timeline/composing';
import { importGeneratedLayer, importSuperstore, summarise, type ImportSummary } from '@timeline/demo';
import { readLines } from '@timeline/http';
import { DomainError } from '@timeline/kernel';
import { addImportCustomers } from './import-customers.command.js';
import { untilInterrupted, withProduct } from './open-product.js';
import type { Output } from './output.js';

/** Commands of the Superstore sample and its generated layer, for the bar: 793 customers and 5,009 orders, and about as much again. */
const SUPERSTORE_COMMANDS = 5_802;

export function addImport(program: Command, output: () => Output): void {
  const imports = program
    .command('import')
    .description('commands through the same door as everybody’s; a second import adds nothing');

  addImportCustomers(imports, output);

  imports
    .command('superstore')
    .argument('[file]', 'a CSV of the same columns; default: the sample itself')
    .option('--generated', 'also the generated layer of interactions, feedback and survey answers')
    .description('the Superstore orders: 793 customers, 5,009 orders')
    .action((file: string | undefined, flags: { generated?: boolean }) =>
      withProduct(true, async ({ context }) => {
        const bulk = (await context()).get(BulkCommands, { strict: false });
        const signal = untilInterrupted();
        const bar = output().progress(SUPERSTORE_COMMANDS, 'commands');
        const orders = await importSuperstore(bulk, {
          signal,
          progress: (done) => bar.update(done),
          ...(file && { file }),
        });
        bar.stop();
        const generated = flags.generated ? await importGeneratedLayer(bulk, { signal }) : undefined;
        tell(output(), generated ? add(orders, generated) : orders);
      }),
    );

  imports
    .command('commands')
    .argument('<file>', 'NDJSON, { "id", "type", "data" } a line; - for standard input')
    .requiredOption(
      '--source <name>',
      'the system it comes from: with a line’s id it makes the command the same command',
    )
    .description('commands as NDJSON, as POST /v1/commands takes them')
    .action((file: string, { source }: { source: string }) =>
      withProduct(true, async ({ context }) => {
        const bytes = file === '-' ? 0 : await fileSize(file);
        const stream = file === '-' ? process.stdin : createReadStream(file);
        const bar = output().progress(bytes, 'bytes');
        const bulk = (await context()).get(BulkCommands, { strict: false });
        const outcomes = bulk.runLines(readLines(stream), { caller: source, actor: source, source });
        const progress = (): void => bar.update('bytesRead' in stream ? stream.bytesRead : 0);
        const summary = await summarise(outcomes, { signal: untilInterrupted(), progress });
        bar.stop();
        tell(output(), summary);
      }),
    );
}

async function fileSize(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    throw new DomainError('FILE_NOT_FOUND', `there is no file ${file}`);
  }
}

const add = (a: ImportSummary, b: ImportSummary): ImportSummary => ({
  recorded: a.recorded + b.recorded,
  resent: a.resent + b.resent,
  failed: a.failed + b.failed,
  problems: [...a.problems, ...b.problems],
});

function tell(output: Output, summary: ImportSummary): void {
  if (summary.failed > 0) process.exitCode = 1;
  output.show(summary, () =>
    [
      `${summary.recorded} commands recorded, ${summary.resent} had been before, ${summary.failed} failed`,
      ...summary.problems.map(
        (outcome) => `line ${outcome.line}: ${'problem' in outcome ? outcome.problem.detail : ''}`,
      ),
    ].join('\n'),
  );
}
