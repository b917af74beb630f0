/** Imports: commands through the same door as everybody's, counted. The demo is imported once, on first run. */
import type { BulkCommands, BulkOutcome, CommandLine } from '@timeline/composing';
import { WrongExpectedRevisionError, type EventStore } from '@timeline/event-store';
import { deriveId, toInstant, type Clock } from '@timeline/kernel';
import { GENERATED, generatedCommands } from './generated-layer.js';
import { readSuperstore, SUPERSTORE, superstoreCommands } from './superstore.js';

export interface ImportSummary {
  /** Commands that were carried out now. */
  recorded: number;
  /** Commands that had been carried out before: nothing was written. */
  resent: number;
  failed: number;
  /** The first few that failed. */
  problems: (BulkOutcome & { status: number })[];
}

export interface ImportOptions {
  /** Told after every command. */
  progress?: (done: number) => void;
  signal?: AbortSignal;
}

const WINDOW = 256;
const PROBLEMS_KEPT = 20;

/** Runs `commands` as `source`: the same id from the same source is the same command, by whatever way it comes. */
export async function importCommands(
  bulk: BulkCommands,
  commands: AsyncIterable<CommandLine> | Iterable<CommandLine>,
  source: string,
  options: ImportOptions = {},
): Promise<ImportSummary> {
  return summarise(bulk.runAll(commands, { caller: source, actor: source, source }, WINDOW), options);
}

export async function summarise(
  outcomes: AsyncIterable<BulkOutcome>,
  options: ImportOptions = {},
): Promise<ImportSummary> {
  const summary: ImportSummary = { recorded: 0, resent: 0, failed: 0, problems: [] };
  let done = 0;
  for await (const outcome of outcomes) {
    if ('outcome' in outcome) summary[outcome.outcome.resent ? 'resent' : 'recorded'] += 1;
    else {
      summary.failed += 1;
      if (summary.problems.length < PROBLEMS_KEPT) summary.problems.push(outcome);
    }
    options.progress?.((done += 1));
    if (options.signal?.aborted) break;
  }
  return summary;
}

export async function importSuperstore(
  bulk: BulkCommands,
  options: ImportOptions & { file?: string } = {},
): Promise<ImportSummary> {
  return importCommands(bulk, superstoreCommands(await readSuperstore(options.file)), SUPERSTORE, options);
}

export async function importGeneratedLayer(bulk: BulkCommands, options: ImportOptions = {}): Promise<ImportSummary> {
  return importCommands(bulk, generatedCommands(await readSuperstore()), GENERATED, options);
}

const STREAM = 'import-demo';

/**
 * Imports the demo if the log is empty, or goes on with an import of it that was cut off.
 * @returns undefined when there was nothing to do
 */
export async function importDemoOnce(
  events: EventStore,
  bulk: BulkCommands,
  clock: Clock,
  options: ImportOptions = {},
): Promise<ImportSummary | undefined> {
  const before = await events.readStream(STREAM);
  const last = before.at(-1);
  if (last?.type === 'ImportCompleted' || (!last && (await events.head()))) return undefined;
  if (!last && !(await mark(events, clock, 'ImportStarted', 'no-stream'))) return undefined;

  let offset = 0;
  const progress = (done: number): void => options.progress?.(offset + done);
  const orders = await importSuperstore(bulk, { ...options, progress });
  offset = orders.recorded + orders.resent + orders.failed;
  const generated = await importGeneratedLayer(bulk, { ...options, progress });
  const summary: ImportSummary = {
    recorded: orders.recorded + generated.recorded,
    resent: orders.resent + generated.resent,
    failed: orders.failed + generated.failed,
    problems: [...orders.problems, ...generated.problems],
  };
  if (!options.signal?.aborted && summary.failed === 0) await mark(events, clock, 'ImportCompleted', 0);
  return summary;
}

/** Answers false when another process was quicker. */
async function mark(
  events: EventStore,
  clock: Clock,
  type: string,
  expectedRevision: number | 'no-stream',
): Promise<boolean> {
  const commandId = deriveId('import', STREAM, type);
  const event = {
    id: deriveId('event', commandId),
    type,
    data: { source: 'demo' },
    metadata: {
      schemaVersion: 1,
      occurredAt: toInstant(clock.now()),
      actor: 'timeline',
      source: 'demo',
      commandId,
      bodyHash: '',
      correlationId: commandId,
      causationId: commandId,
    },
  };
  try {
    await events.append(STREAM, [event], { expectedRevision });
    return true;
  } catch (error) {
    if (error instanceof WrongExpectedRevisionError) return false;
    throw error;
  }
}
