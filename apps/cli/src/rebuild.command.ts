/** `timeline rebuild NAME` and `timeline rollback NAME`. */
import type { Command } from 'commander';
import { DomainError } from '@timeline/kernel';
import { cancelRebuild, rebuild, rollBack, type RebuildReport } from '@timeline/projecting';
import { textOfComparison } from './compare.command.js';
import { countEvents, offsetOf, untilInterrupted, withProduct } from './open-product.js';
import type { Output, Progress } from './output.js';
import { showPass } from './verify.command.js';

interface RebuildFlags {
  all?: boolean;
  cancel?: boolean;
  force?: boolean;
}

export function addRebuild(program: Command, output: () => Output): void {
  program
    .command('rebuild')
    .argument('[projection...]')
    .option('--all', 'every projection, one after the other')
    .option('--cancel', 'give up an unfinished rebuild')
    .option('--force', 'switch to the new build even when it has parked events')
    .description('fill a new copy beside the live one, check it, switch to it; goes on where it was cut off')
    .action((names: string[], flags: RebuildFlags) =>
      withProduct(false, async (opened) => {
        const { product, projections, parking } = opened;
        const { events, vault, upcasters, engine } = product;
        if (names.length === 0 && !flags.all)
          throw new DomainError('PROJECTION_MISSING', 'name a projection, or say --all');
        const chosen = flags.all ? projections : names.map((name) => engine.projectionNamed(name));
        if (flags.cancel) {
          const dropped = await Promise.all(chosen.map((projection) => cancelRebuild(projection, engine)));
          const count = dropped.reduce((a, b) => a + b, 0);
          output().show({ cancelled: count }, () => `${count} unfinished builds dropped`);
          return;
        }
        const signal = untilInterrupted();
        const total = await countEvents(opened);
        const reports: (RebuildReport & { projection: string })[] = [];
        for (const projection of chosen) {
          let stage: 'filling' | 'checking' = 'filling';
          let bar = output().progress(total, `events (filling ${projection.name})`);
          const checking = (): Progress => {
            if (stage === 'checking') return bar;
            stage = 'checking';
            bar.stop();
            return (bar = output().progress(total, `events (checking ${projection.name})`));
          };
          const report = await rebuild(projection, {
            engine,
            context: engine.context,
            verify: {
              events,
              vault,
              upcasters,
              discarded: await parking.discarded(projection.name),
              progress: (at) => showPass(checking(), total, at),
            },
            ...(flags.force && { force: true }),
            progress: ({ from, to, share }) =>
              bar.update(Math.round(offsetOf(from) + (offsetOf(to) - offsetOf(from)) * share)),
            compared: (comparison) => {
              bar.stop();
              // What is left to do is short, and would draw over the report.
              bar = { update: () => undefined, stop: () => undefined };
              if (!output().json) console.log(textOfComparison(comparison));
            },
            signal,
          }).finally(() => bar.stop());
          reports.push({ projection: projection.name, ...report });
        }
        output().show({ rebuilt: reports }, () =>
          reports
            .map(({ projection, build, previous, resumed, verified, comparison }) =>
              [
                `${projection}: build ${build} is live, ${verified.documents} documents, no difference to the log`,
                ...(resumed ? ['(went on with an unfinished rebuild)'] : []),
                // Of another version there is no way back: the product of this one does not feed it.
                ...(previous && !comparison
                  ? [`${previous} is kept as the way back: timeline rollback ${projection}`]
                  : []),
              ].join('; '),
            )
            .join('\n'),
        );
      }),
    );

  program
    .command('rollback')
    .argument('<projection>')
    .description('make the build that was read before the one that is read again')
    .action((name: string) =>
      withProduct(false, async ({ product }) => {
        const build = await rollBack(product.engine.projectionNamed(name), product.engine, product.engine.context);
        output().show({ live: build }, () => `${name}: build ${build} is live again`);
      }),
    );
}
