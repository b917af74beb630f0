/** `timeline status`: the log's head, every build with its lag, parked documents. */
import type { Command } from 'commander';
import { withProduct } from './open-product.js';
import { table, type Output } from './output.js';

export function addStatus(program: Command, output: () => Output): void {
  program
    .command('status')
    .description('head of the log, builds and their lag, parked documents')
    .action(() =>
      withProduct(false, async ({ product }) => {
        const head = await product.events.head();
        const records = await product.engine.builds.list();
        const checkpoints = await product.engine.builds.checkpoints(records.map((build) => build._id));
        const builds = await Promise.all(
          records.map(async (build) => {
            const position = checkpoints.get(build._id)?.position;
            const pointer = await product.engine.builds.pointer(build.projection);
            const read = records.find(({ _id }) => _id === pointer?.live);
            const parked = await product.engine.builds.countBlocked(build._id);
            // The product switches to a newer version as soon as nothing of it is parked.
            const isHeld = build.state === 'fed' && read !== undefined && read.version < build.version && parked > 0;
            return {
              projection: build.projection,
              build: build._id,
              version: build.version,
              live: pointer?.live === build._id,
              state: isHeld ? 'held' : build.state,
              position: position ?? null,
              caughtUp: (position ?? '') >= (head?.position ?? ''),
              parked,
            };
          }),
        );
        const held = builds.filter(({ state }) => state === 'held');
        const value = { head: head ?? null, builds, parked: builds.reduce((sum, { parked }) => sum + parked, 0) };
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
            ...held.map(
              ({ projection, build, parked }) =>
                `${build} is complete but not read: ${parked} documents wait behind parked events; mend the projection and ` +
                `\`timeline parked retry ${projection}\`, or switch all the same: \`timeline rebuild ${projection} --force\``,
            ),
          ].join('\n'),
        );
      }),
    );
}
