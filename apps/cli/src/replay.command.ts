/** `timeline replay`: the log, filtered, one event a line. */
import type { Command } from 'commander';
import type { EventStore } from '@timeline/event-store';
import { customersOf, DomainError, parsePosition, type Position } from '@timeline/kernel';
import { withProduct } from './open-product.js';
import type { Output } from './output.js';

interface ReplayFlags {
  from?: string;
  to?: string;
  type?: string[];
  customer?: string;
  personal?: boolean;
}

/** A bound of the range: a position of the log, or an instant that `occurredAt` is compared with. */
type Bound = { position: Position } | { instant: string } | undefined;

export function addReplay(program: Command, output: () => Output): void {
  program
    .command('replay')
    .option('--from <position|instant>', 'a position (exclusive) or an ISO instant (inclusive, when it happened)')
    .option('--to <position|instant>', 'a position (inclusive) or an ISO instant (exclusive)')
    .option('--type <types...>', 'event types')
    .option('--customer <id>', 'only events that concern this customer')
    .option('--personal', 'with personal data, opened')
    .description('events in the order of the log, one a line')
    .action((flags: ReplayFlags) =>
      withProduct(false, async ({ product }) => {
        const { events, vault, upcasters } = product;
        const from = boundOf(flags.from, '--from', events);
        const to = boundOf(flags.to, '--to', events);
        const reading = events.readAll({
          ...(from && 'position' in from && { after: from.position }),
          ...(to && 'position' in to && { until: to.position }),
          ...(flags.type && { types: upcasters.storedTypes(flags.type) }),
        });
        const out = output();
        for await (const batch of reading) {
          const wanted = batch.filter((event) => {
            const at = event.metadata.occurredAt;
            if (from && 'instant' in from && at < from.instant) return false;
            if (to && 'instant' in to && at >= to.instant) return false;
            return !flags.customer || customersOf(event).includes(flags.customer);
          });
          const shown = flags.personal ? wanted : wanted.map(({ personal: _sealed, ...event }) => event);
          for (const event of await vault.open(shown)) {
            out.show(
              event,
              () =>
                `${event.position}  ${event.metadata.occurredAt}  ${event.type}  ${event.stream}  ${JSON.stringify(event.data)}`,
            );
          }
        }
      }),
    );
}

function boundOf(text: string | undefined, flag: string, events: EventStore): Bound {
  if (text === undefined) return undefined;
  if (/^[0-9a-f]{12}:/.test(text)) return { position: parsePosition(text, events.logId) };
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time))
    throw new DomainError(
      'BOUND_MALFORMED',
      `${flag} must be a position of the log or an ISO instant, such as 2017-06-01T00:00:00Z`,
    );
  return { instant: new Date(time).toISOString() };
}
