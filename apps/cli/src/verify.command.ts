/** `timeline verify`: folds the log afresh and compares every read model with it, document by document. */
import type { Command } from 'commander';
import { DomainError } from '@timeline/kernel';
import { verifyBuild, type VerifyProgress, type VerifyReport } from '@timeline/projecting';
import { countEvents, offsetOf, withProduct } from './open-product.js';
import { table, type Output, type Progress } from './output.js';

export function addVerify(program: Command, output: () => Output): void {
  program
    .command('verify')
    .argument('[projection...]', 'default: all')
    .description('compare every read model with a fresh fold of the log; exit code 1 when something differs')
    .action((names: string[]) =>
      withProduct(false, async (opened) => {
        const { product, projections, parking } = opened;
        const { events, vault, upcasters, engine } = product;
        const chosen = names.length > 0 ? names.map((name) => engine.projectionNamed(name)) : projections;
        const total = await countEvents(opened);
        const reports: VerifyReport[] = [];
        for (const projection of chosen) {
          const pointer = await engine.builds.pointer(projection.name);
          const build = (await engine.builds.list(projection.name)).find((record) => record._id === pointer?.live);
          if (!build) {
            throw new DomainError(
              'READ_MODEL_NOT_READY',
              `projection ${projection.name} has no build yet; start the product first`,
            );
          }
          const bar = output().progress(total, `events (${projection.name})`);
          const discarded = await parking.discarded(projection.name);
          reports.push(
            await verifyBuild(projection, build, {
              events,
              vault,
              upcasters,
              builds: engine.builds,
              discarded,
              progress: (at) => showPass(bar, total, at),
            }).finally(() => bar.stop()),
          );
        }
        const differing = reports.filter((report) => report.differing > 0);
        if (differing.length > 0) process.exitCode = 1;
        output().show({ equal: differing.length === 0, reports }, () =>
          [
            table([
              ['PROJECTION', 'DOCUMENTS', 'PARKED', 'DIFFERENCES'],
              ...reports.map(({ projection, documents, parked, differing }) => [
                projection,
                String(documents),
                String(parked),
                String(differing),
              ]),
            ]),
            ...differing.flatMap(({ projection, differences }) =>
              differences
                .slice(0, 10)
                .map(
                  ({ kind, key, problem, members }) => `${projection}: ${kind} ${key} ${problem} ${members.join(', ')}`,
                ),
            ),
            differing.length === 0 ? 'no difference' : 'DIFFERENT',
          ].join('\n'),
        );
      }),
    );
}

/** Every pass goes through the whole log. */
export function showPass(bar: Progress, total: number, { position, pass, passes }: VerifyProgress): void {
  bar.update((pass - 1) * total + offsetOf(position), passes * total);
}
