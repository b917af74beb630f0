/** `POST /v1/imports`: customers from CSV or NDJSON, streamed; what is wrong is told while it runs. */
import { Readable } from 'node:stream';
import { Controller, Get, HttpCode, Post, Req, Res, UnsupportedMediaTypeException } from '@nestjs/common';
import {
  Accepts,
  Answers,
  CommandHeaders,
  Describes,
  Flag,
  ndjsonReply,
  Optional,
  parseJsonStrict,
  PathId,
  Refuses,
  StrictQuery,
  Text,
  ValidationError,
  violation,
  type Answer,
  type JsonSchema,
} from '@timeline/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CustomerImports, type ImportSummary } from './customer-imports.js';
import { isColumnMap, type ColumnMap } from './import-columns.js';
import type { ImportFormat } from './import-rows.js';

export class ImportQuery {
  /** The system that it comes from; ids in the file are in its numbering. */
  @Text({ max: 60 })
  source: string;

  /** With the source it makes the import the same import when it is sent again. */
  @Text({ max: 200 })
  name: string;

  /** Checks everything and writes nothing. */
  @Optional()
  @Flag()
  dryRun?: boolean;

  /** JSON: { "column": "field" }; null leaves a column out. */
  @Optional()
  @Text({ max: 4000 })
  map?: string;
}

const count: JsonSchema = { type: 'integer', minimum: 0 };
const importSchema: Answer = (refs) =>
  refs.named('CustomerImport', {
    type: 'object',
    properties: {
      importId: { type: 'string', format: 'uuid' },
      source: { type: 'string' },
      name: { type: 'string' },
      state: { type: 'string', enum: ['running', 'completed', 'reverted'] },
      counts: {
        type: 'object',
        properties: { rows: count, registered: count, updated: count, unchanged: count, failed: count },
        required: ['rows', 'registered', 'updated', 'unchanged', 'failed'],
        additionalProperties: false,
        description: 'of the last run; as of its last checkpoint while it runs',
      },
      position: { type: 'string' },
    },
    required: ['importId', 'source', 'name', 'state', 'counts'],
    additionalProperties: false,
  });

const FORMATS: Readonly<Record<string, ImportFormat>> = { 'text/csv': 'csv', 'application/x-ndjson': 'ndjson' };

@Controller('v1/imports')
export class ImportsController {
  constructor(private readonly imports: CustomerImports) {}

  @Post()
  @HttpCode(200)
  @Describes(
    'Import customers',
    'A body of text/csv with a header, or application/x-ndjson, streamed. The answer is NDJSON, in order: `{ "kind": "error", "error": { line, column?, name?, code, message } }` for each cell that is wrong, `progress` now and then, and `ended` with the counts. Cut off, the same import (source and name) goes on where it was when it is sent again; the same rows again change nothing.',
  )
  @Accepts({ type: 'string' }, 'text/csv')
  @Answers(200, { type: 'string' }, 'What became of the rows', 'application/x-ndjson')
  @Refuses('FILE_NOT_UTF8', 'FILE_EMPTY', 'IMPORT_COLUMNS_REFUSED', 'UNSUPPORTED_MEDIA_TYPE', 'VALIDATION_FAILED')
  run(
    @Req() request: FastifyRequest,
    @StrictQuery(ImportQuery) { source, name, dryRun, map }: ImportQuery,
    @CommandHeaders() { actor }: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): AsyncGenerator<string> {
    const { body } = request;
    const format = FORMATS[request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''];
    if (!(body instanceof Readable) || !format) throw new UnsupportedMediaTypeException();
    const columns = map === undefined ? undefined : readMap(map);
    const wanted = { source, name, format, actor, ...(dryRun && { dryRun }), ...(columns && { map: columns }) };
    return ndjsonReply(reply, this.imports.run(body, wanted));
  }

  @Get(':id')
  @Describes('An import: its state and what it did')
  @Answers(200, importSchema)
  @Refuses('IMPORT_NOT_FOUND')
  get(@PathId('id') importId: string): Promise<ImportSummary> {
    return this.imports.find(importId);
  }

  @Post(':id/revert')
  @HttpCode(200)
  @Describes(
    'Revert an import',
    'As POST /v1/provenance/revert does for all that the import said. Sent again afterwards, the import says it anew.',
  )
  @Answers(200, { type: 'string' }, 'What became of the customers', 'application/x-ndjson')
  @Refuses('IMPORT_NOT_FOUND', 'POSITION_NOT_REACHED', 'READ_MODEL_NOT_READY')
  revert(
    @PathId('id') importId: string,
    @CommandHeaders() { actor }: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): AsyncGenerator<string> {
    return ndjsonReply(reply, this.imports.revert(importId, actor));
  }
}

/** @throws ValidationError */
function readMap(text: string): ColumnMap {
  const refused = (message: string): ValidationError =>
    new ValidationError([{ ...violation('/map', 'NOT_A_MAP', message), in: 'query' }]);
  let map: unknown;
  try {
    map = parseJsonStrict(text);
  } catch {
    throw refused('must be JSON');
  }
  if (isColumnMap(map)) return map;
  throw refused('must be a JSON object of texts, such as { "column": "field", "other": null }');
}
