/** The rows of a file, CSV or NDJSON, each with what it says or what is wrong with it. A few are in memory at a time. */
import { decodeUtf8, parseJsonStrict, readLines } from '@timeline/http';
import { DomainError } from '@timeline/kernel';
import { readCsv } from './csv-records.js';
import { columnsOf, fieldOf, FIELDS, rowDataOf, type Cell, type ColumnMap, type RowData } from './import-columns.js';
import { decodeStrictly } from './utf8.js';

export const IMPORT_FORMATS = ['csv', 'ndjson'] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** What is wrong with a cell, or with the whole line. Never holds the value. */
export interface CellError {
  line: number;
  /** From 1; of an NDJSON line's members only the name is known. */
  column?: number;
  /** As the file names it. */
  name?: string;
  code: string;
  message: string;
}

export type ImportRow = { line: number } & ({ row: RowData } | { errors: CellError[] });

/** @throws DomainError IMPORT_COLUMNS_REFUSED, FILE_NOT_UTF8, FILE_EMPTY */
export async function* readRows(
  bytes: AsyncIterable<Buffer | string>,
  format: ImportFormat,
  map: ColumnMap = {},
): AsyncGenerator<ImportRow, void, undefined> {
  yield* format === 'csv' ? csvRows(bytes, map) : ndjsonRows(bytes, map);
}

const FAULTS = {
  QUOTE_NOT_CLOSED: 'a quote is opened and never closed; a quote within a quoted value is written twice',
  QUOTE_MISPLACED: 'a quoted value ends before the next separator; a quote within it is written twice',
  RECORD_TOO_LONG: 'the row is longer than a row may be',
};

async function* csvRows(bytes: AsyncIterable<Buffer | string>, map: ColumnMap): AsyncGenerator<ImportRow> {
  let columns: ReturnType<typeof columnsOf> | undefined;
  let width = 0;
  for await (const record of readCsv(decodeStrictly(bytes))) {
    const { line } = record;
    if ('fault' in record) {
      if (!columns) throw new DomainError('IMPORT_COLUMNS_REFUSED', `line ${line}: ${FAULTS[record.fault]}`);
      yield { line, errors: [{ line, code: record.fault, message: FAULTS[record.fault] }] };
      continue;
    }
    const { cells } = record;
    if (!columns) {
      columns = columnsOf(cells, map);
      width = cells.length;
      continue;
    }
    if (cells.length !== width) {
      const message = `the row has ${cells.length} columns, the header has ${width}; is a value with a separator not quoted?`;
      yield { line, errors: [{ line, code: 'COLUMN_COUNT', message }] };
      continue;
    }
    yield { line, row: rowDataOf(columns.map((column) => ({ column, value: cells[column.number - 1] }))) };
  }
  if (!columns) throw new DomainError('FILE_EMPTY', 'the file is empty: there is no header');
}

async function* ndjsonRows(bytes: AsyncIterable<Buffer | string>, map: ColumnMap): AsyncGenerator<ImportRow> {
  let isEmpty = true;
  for await (const given of readLines(bytes)) {
    isEmpty = false;
    const line = given.lineNumber;
    if (given.kind === 'oversized') {
      yield { line, errors: [{ line, code: 'RECORD_TOO_LONG', message: FAULTS.RECORD_TOO_LONG }] };
      continue;
    }
    try {
      yield rowOf(line, parseJsonStrict(decodeUtf8(line === 1 ? withoutMark(given.bytes) : given.bytes)), map);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      yield { line, errors: [{ line, code: error.code, message: error.message }] };
    }
  }
  if (isEmpty) throw new DomainError('FILE_EMPTY', 'the file is empty');
}

const withoutMark = (bytes: Buffer): Buffer => (bytes.toString('hex', 0, 3) === 'efbbbf' ? bytes.subarray(3) : bytes);

function rowOf(line: number, value: unknown, map: ColumnMap): ImportRow {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { line, errors: [{ line, code: 'NOT_AN_OBJECT', message: 'the line must be a JSON object' }] };
  const cells: Cell[] = [];
  const errors: CellError[] = [];
  const fields = new Map<string, string>();
  const walk = (members: object, prefix: string): void => {
    for (const [member, of] of Object.entries(members)) {
      const name = `${prefix}${member}`;
      const wanted = Object.hasOwn(map, name) ? map[name] : name;
      if (wanted === null || wanted === undefined) continue;
      if (typeof of === 'object' && of !== null && !Array.isArray(of)) {
        walk(of, `${name}.`);
        continue;
      }
      const field = fieldOf(wanted);
      const same = field === undefined ? undefined : fields.get(field);
      if (field === undefined) {
        errors.push({ line, name, code: 'UNKNOWN_FIELD', message: `is not a field here; fields are ${FIELDS}` });
      } else if (same !== undefined) {
        errors.push({ line, name, code: 'FIELD_REPEATED', message: `means ${field}, as ${same} does` });
      } else {
        fields.set(field, name);
        cells.push({ column: { number: 0, header: name, field }, value: of });
      }
    }
  };
  walk(value, '');
  return errors.length > 0 ? { line, errors } : { line, row: rowDataOf(cells) };
}
