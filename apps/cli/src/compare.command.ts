/** `timeline compare NAME`: what differs between the build that is read and another one, before or after a switch. */
import type { Command } from 'commander';
import { DomainError } from '@timeline/kernel';
import { compareBuilds, type BuildRecord, type ComparedBuild, type Comparison } from '@timeline/projecting';
import { withProduct } from './open-product.js';
import { positiveNumber, table, type Output } from './output.js';

export function addCompare(program: Command, output: () => Output): void {
  program
    .command('compare')
    .argument('<projection>')
    .argument('[build]', 'default: the newest beside the one that is read')
    .option('--limit <number>', 'how many differences to list; all are counted', positiveNumber, 20)
    .description('what another build of a projection, often of a new version, would change: counts, keys, member names')
    .action((name: string, id: string | undefined, { limit }: { limit: number }) =>
      withProduct(false, async ({ product }) => {
        const { builds } = product.engine;
        const { name: projection } = product.engine.projectionNamed(name);
        const live = (await builds.pointer(projection))?.live;
        const records = (await builds.list(projection)).filter(({ state }) => state !== 'dropping');
        const from = records.find(({ _id }) => _id === live);
        const others = records.filter(({ _id }) => _id !== live);
        const to: BuildRecord | undefined = id === undefined ? others.at(-1) : others.find(({ _id }) => _id === id);
        if (!from || !to) {
          const there = others.map(({ _id }) => _id).join(', ');
          throw new DomainError(
            'NOTHING_TO_COMPARE',
            `projection ${projection} has ${there ? `no build ${id}; beside the one that is read there are: ${there}` : 'one build at most'}`,
          );
        }
        const comparison = await compareBuilds(builds, from, to, limit);
        output().show(comparison, () => textOfComparison(comparison));
      }),
    );
}

export function textOfComparison({ projection, from, to, documents, derived, differences }: Comparison): string {
  const told = ({ build, version, position }: ComparedBuild): string =>
    `${build} (version ${version}, at ${position ?? 'the beginning'})`;
  const row = (kind: string, counts: Comparison['documents']): string[] => [
    kind,
    ...[counts.equal, counts.different, counts.onlyInFrom, counts.onlyInTo].map(String),
  ];
  const where = { from: `only in ${from.build}`, to: `only in ${to.build}`, both: 'different' };
  const total = [documents, derived].reduce(
    (sum, { different, onlyInFrom, onlyInTo }) => sum + different + onlyInFrom + onlyInTo,
    0,
  );
  return [
    `${projection}: ${told(from)}, which is read, and ${told(to)}`,
    ...(from.position === to.position ? [] : ['They do not stand at one position: what lies between differs too.']),
    table([
      ['', 'EQUAL', 'DIFFERENT', `ONLY IN ${from.build}`, `ONLY IN ${to.build}`],
      row('documents', documents),
      row('derived', derived),
    ]),
    ...differences.map(({ kind, key, in: side, members }) =>
      `${kind} ${key}: ${where[side]} ${members.join(', ')}`.trimEnd(),
    ),
    ...(total > differences.length ? [`and ${total - differences.length} more`] : []),
  ].join('\n');
}
