/**
 * Imports of customers: rows as commands, like everybody's, side by side and answered in order. What an import did so far
 * can be told at any time; cut off, the same import goes on after its last checkpoint. The rows between that and the cut
 * are sent again and change nothing. The checkpoint only saves time: without it all rows are sent again.
 */
import { Injectable } from '@nestjs/common';
import { CommandProcessor, Commands, type CommandContext } from '@timeline/deciding';
import { inOrder, NestedArray, validateDto, ValidationError } from '@timeline/http';
import { KeyedHashes } from '@timeline/key-store';
import { canonicalJson, deriveId, DomainError, type Position } from '@timeline/kernel';
import { ReadStore } from '@timeline/read-store';
import {
  CustomerRows,
  ImportCustomerData,
  importCustomer,
  type ImportOutcome,
  type RowChange,
} from '../commands/import-customer.command.js';
import { IdentityDto } from '../commands/customer-fields.js';
import { sayerOf, type ProvenanceParams } from '../provenance/provenance.query.js';
import { Reverts, type RevertNews } from '../provenance/reverts.js';
import { columnAt, type ColumnMap, type RowData } from './import-columns.js';
import { readRows, type CellError, type ImportFormat, type ImportRow } from './import-rows.js';
import { importDecider, importStream, type ImportCommand, type ImportState } from './import.decider.js';
import type { ImportCounts } from '../imports.events.js';

export interface ImportRequest {
  source: string;
  /** With the source it makes the import the same import. */
  name: string;
  format: ImportFormat;
  map?: ColumnMap;
  /** Checks everything against what is there, and writes nothing. */
  dryRun?: boolean;
  actor?: string;
}

export interface ImportSummary {
  importId: string;
  source: string;
  name: string;
  state: 'checked' | 'running' | 'completed' | 'reverted';
  counts: ImportCounts;
  /** What the import itself is at in the log; a read that sends it back sees all it did. */
  position?: Position;
}

export type ImportNews =
  /** It goes on after this line. */
  | { kind: 'resumed'; line: number }
  | { kind: 'error'; error: CellError }
  | { kind: 'progress'; line: number; counts: ImportCounts }
  /** The last. `running` where it was told to stop. */
  | { kind: 'ended'; summary: ImportSummary };

interface Checkpoint {
  _id: string;
  _v: number;
  line: number;
  counts: ImportCounts;
}

type Prepared = { line: number } & ({ data: ImportCustomerData; row: RowData } | { errors: CellError[] });
type RowOutcome = { line: number } & ({ change: RowChange; position?: Position } | { errors: CellError[] });

const CHECKPOINTS = 'customer-imports';
const WINDOW = 256;
/** Rows between two checkpoints. */
const CHECKPOINT_EVERY = 1_000;
const none = (): ImportCounts => ({ rows: 0, registered: 0, updated: 0, unchanged: 0, failed: 0 });

class IdentitiesDto {
  @NestedArray(() => IdentityDto, { max: 20 })
  identities: IdentityDto[];
}

@Injectable()
export class CustomerImports {
  constructor(
    private readonly commands: Commands,
    private readonly processor: CommandProcessor,
    private readonly rows: CustomerRows,
    private readonly hashes: KeyedHashes,
    private readonly reads: ReadStore,
    private readonly reverts: Reverts,
  ) {}

  idOf({ source, name }: Pick<ImportRequest, 'source' | 'name'>): string {
    return deriveId('customer-import', source, name);
  }

  /** @throws DomainError IMPORT_NOT_FOUND */
  async find(importId: string): Promise<ImportSummary> {
    const { state, position } = await this.#load(importId);
    const { status, source, name, counts } = state;
    if (status === 'unknown' || source === undefined || name === undefined)
      throw new DomainError('IMPORT_NOT_FOUND', 'there is no import with this id');
    const soFar = status === 'running' ? (await this.#checkpoint(importId))?.counts : counts;
    return { importId, source, name, state: status, counts: soFar ?? none(), ...(position && { position }) };
  }

  /**
   * Pull to go on. What was begun when the caller stops pulling is finished first.
   * @throws DomainError FILE_NOT_UTF8, FILE_EMPTY, IMPORT_COLUMNS_REFUSED; UnavailableError: the same import goes on later
   */
  async *run(
    bytes: AsyncIterable<Buffer | string>,
    request: ImportRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<ImportNews, void, undefined> {
    const { source, name, format, dryRun = false } = request;
    const importId = this.idOf(request);
    const told = { importId, source, name };
    const rows = readRows(bytes, format, request.map);
    // The header is looked at before anything is written.
    const first = await rows.next();
    if (!dryRun) await this.#record(request, { type: 'start', ...told });
    await this.reads.ensureCollection(CHECKPOINTS, []);
    const { status, runs } = (await this.#load(importId)).state;
    const isRunning = !dryRun && status === 'running';
    let checkpoint = isRunning ? await this.#checkpoint(importId) : undefined;
    const from = checkpoint?.line ?? 0;
    const counts = checkpoint?.counts ?? none();
    if (from > 0) yield { kind: 'resumed', line: from };

    const outcomes = inOrder(this.#prepare(first, rows, from, told, signal), {
      window: WINDOW,
      keysOf: (row: Prepared) => ('data' in row ? importCustomer.keys(row.data) : []),
      run: (row) => this.#runRow(row, request, runs),
    });
    let position: Position | undefined;
    for await (const outcome of outcomes) {
      counts.rows += 1;
      if ('errors' in outcome) {
        counts.failed += 1;
        for (const error of outcome.errors) yield { kind: 'error', error };
      } else {
        counts[outcome.change] += 1;
        if (outcome.position !== undefined && (position === undefined || position < outcome.position))
          position = outcome.position;
      }
      if (counts.rows % CHECKPOINT_EVERY !== 0) continue;
      const { line } = outcome;
      if (isRunning) checkpoint = await this.#save({ _id: importId, _v: (checkpoint?._v ?? 0) + 1, line, counts });
      yield { kind: 'progress', line, counts: { ...counts } };
    }
    if (dryRun) return yield { kind: 'ended', summary: { ...told, state: 'checked', counts } };
    if (signal?.aborted) return yield { kind: 'ended', summary: { ...told, state: 'running', counts } };
    const completed = await this.#record(request, { type: 'complete', importId, counts });
    await this.reads.collection<Checkpoint>(CHECKPOINTS).deleteMany({ _id: importId });
    const last = position === undefined || position < completed ? completed : position;
    yield { kind: 'ended', summary: { ...told, state: 'completed', counts, position: last } };
  }

  /**
   * Takes back what the import said. One that was cut off is ended by it: started again, it begins anew.
   * @throws DomainError IMPORT_NOT_FOUND; as `Reverts.run`
   */
  async *revert(importId: string, actor: string): AsyncGenerator<RevertNews, void, undefined> {
    const { source, name } = await this.find(importId);
    for await (const news of this.reverts.run({ importId }, undefined, actor)) {
      if (news.kind === 'ended') {
        await this.reads.ensureCollection(CHECKPOINTS, []);
        await this.reads.collection<Checkpoint>(CHECKPOINTS).deleteMany({ _id: importId });
        await this.#record({ source, name, actor }, { type: 'revert', importId, counts: news.counts });
      }
      yield news;
    }
  }

  /**
   * Takes back what was asked for, over HTTP and on the command line alike. An import of which all is taken back is then
   * one that was reverted; an import of commands has no story of its own.
   * @throws as `Reverts.run`
   */
  async *takeBack(
    { field, ...asked }: Pick<ProvenanceParams, 'source' | 'import' | 'field'>,
    actor: string,
    { dryRun = false }: { dryRun?: boolean } = {},
  ): AsyncGenerator<RevertNews, void, undefined> {
    const importId = asked.import;
    const isWhole = importId !== undefined && field === undefined && !dryRun;
    if (isWhole && (await this.#load(importId)).state.status !== 'unknown') yield* this.revert(importId, actor);
    else yield* this.reverts.run(sayerOf(asked), field, actor, { dryRun });
  }

  async *#prepare(
    first: IteratorResult<ImportRow, void>,
    rows: AsyncGenerator<ImportRow, void, undefined>,
    from: number,
    { importId, source }: { importId: string; source: string },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Prepared> {
    try {
      for (let next = first; !next.done && !signal?.aborted; next = await rows.next()) {
        const { value } = next;
        const { line } = value;
        if (line <= from) continue;
        if ('errors' in value) yield value;
        else yield this.#read(line, value.row, { importId, source });
      }
    } finally {
      await rows.return();
    }
  }

  /** All that is wrong with the row at once. */
  #read(line: number, row: RowData, of: { importId: string; source: string }): Prepared {
    try {
      return { line, row, data: validateDto(ImportCustomerData, { ...of, line, ...row.data }) };
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      const violations = error.violations.map(
        ({ pointer, code, message }) => new DomainError(code, message, { pointer }),
      );
      return {
        line,
        errors: [...violations, ...this.#refused(row, of.source)].map((each) => cellError(line, row, each)),
      };
    }
  }

  /** Of a row that is refused already, the identities that would be too. */
  #refused({ data: { identities } }: RowData, source: string): DomainError[] {
    try {
      const given = validateDto(IdentitiesDto, { identities: identities ?? [] });
      return this.rows.refusalsOf({ source, ...given });
    } catch (error) {
      if (error instanceof ValidationError) return [];
      throw error;
    }
  }

  async #runRow(row: Prepared, { source, actor, dryRun }: ImportRequest, runs: number): Promise<RowOutcome> {
    const { line } = row;
    if ('errors' in row) return row;
    const { data } = row;
    try {
      if (dryRun) return { line, change: await this.rows.check(data) };
      const { change, position } = (await this.commands.dispatch(importCustomer, data, {
        caller: source,
        actor: actor ?? source,
        source,
        // Keyed: it becomes part of ids, and rows are personal.
        idempotencyKey: `${runs}-${line}-${this.hashes.hashBody(canonicalJson(data))}`,
        correlationId: data.importId,
        causationId: data.importId,
        // The handler of this command type answers with it.
      })) as ImportOutcome;
      return { line, change, position };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const refused = error.code === 'IDENTITY_REFUSED' ? this.rows.refusalsOf(data) : eachOf(error);
      return { line, errors: refused.map((each) => cellError(line, row.row, each)) };
    }
  }

  async #load(importId: string): Promise<{ state: ImportState; position: Position | undefined }> {
    const { state, events } = await this.processor.load(importDecider, importStream(importId));
    return { state, position: events.at(-1)?.position };
  }

  async #record(
    { source, actor = source }: Pick<ImportRequest, 'source' | 'name' | 'actor'>,
    command: ImportCommand,
  ): Promise<Position> {
    const { importId } = command;
    const { runs } = (await this.#load(importId)).state;
    const commandId = deriveId('customer-import', importId, runs, canonicalJson(command));
    const context: CommandContext = {
      commandId,
      bodyHash: this.hashes.hashBody(canonicalJson(command)),
      actor,
      source,
      correlationId: importId,
      causationId: importId,
    };
    const stream = importStream(importId);
    return (await this.processor.execute({ decider: importDecider, stream, id: importId, command, context })).position;
  }

  #checkpoint(importId: string): Promise<Checkpoint | undefined> {
    return this.reads.collection<Checkpoint>(CHECKPOINTS).findOne({ _id: importId });
  }

  async #save(checkpoint: Checkpoint): Promise<Checkpoint> {
    const before = checkpoint._v - 1;
    // Where another process runs the same import, one of the two is remembered; both are true.
    await this.reads
      .collection<Checkpoint>(CHECKPOINTS)
      .writeGuarded([{ doc: checkpoint, guard: before === 0 ? 'absent' : { path: '_v', equals: before } }]);
    return checkpoint;
  }
}

/** Where several cells are wrong, each of them. */
const eachOf = (error: DomainError): DomainError[] =>
  error.details.errors?.map(({ pointer, code, message }) => new DomainError(code, message, { pointer })) ?? [error];

function cellError(line: number, row: RowData, { code, message, details }: DomainError): CellError {
  const { pointer = '' } = details;
  // The lifecycle command's own name for it.
  const at = pointer === '/to' || pointer === '/reason' ? '/stage' : pointer;
  const column = columnAt(row, at);
  const said = message.startsWith(`${pointer} `) ? message.slice(pointer.length + 1) : message;
  return {
    line,
    ...(column && { ...(column.number > 0 && { column: column.number }), name: column.header }),
    code,
    message: column || at === '' ? said : `${at.slice(1).replaceAll('/', '.')} ${said}`,
  };
}
