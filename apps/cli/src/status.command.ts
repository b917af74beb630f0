/** `timeline status`: the log's head, every build with its lag, parked documents. */
import type { Command } from 'commander';
import { withProduct } from './open-product.js';
import { table, type Output } from './output.js';

export function addStatus(program: Command, output: () => Output): void {
  program
    .command('status')
    .description('head of the log, builds and their lag, parked documents')
    .action(() =>
      withProduct(false, async ({ product, parking }) => {
        const head = await product.events.head();
        const records = await product.engine.builds.list();
        const checkpoints = await product.engine.builds.checkpoints(records.map((build) => build._id));
        const parked = await parking.list();
        const builds = await Promise.all(
          records.map(async (build) => {
            const position = checkpoints.get(build._id)?.position;
            const pointer = await product.engine.builds.pointer(build.projection);
            return {
              projection: build.projection,
              build: build._id,
              version: build.version,
              live: pointer?.live === build._id,
              state: build.state,
              position: position ?? null,
              caughtUp: (position ?? '') >= (head?.position ?? ''),
              parked: parked.filter((document) => document.build === build._id).length,
            };
          }),
        );
        const value = { head: head ?? null, builds, parked: parked.length };
        output().show(value, () =>
          [
            head ? `head ${head.position}, recorded ${head.recordedAt}` : 'the log is empty',
            table([
              ['PROJECTION', 'BUILD', 'VERSION', 'STATE', 'POSITION', 'PARKED'],
              ...builds.map((build) => [
                build.projection,
                `${build.build}${build.live ? ' (live)' : ''}`,
                String(build.version),
                `${build.state}${build.caughtUp ? '' : ', behind'}`,
                build.position ?? '-',
                String(build.parked),
              ]),
            ]),
          ].join('\n'),
        );
      }),
    );
}
