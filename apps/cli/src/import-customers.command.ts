/** `timeline import customers FILE`: customers from CSV or NDJSON; what is wrong with cells goes into a file of its own. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { Option, type Command } from 'commander';
import {
  CustomerImports,
  IMPORT_FORMATS,
  isColumnMap,
  type CellError,
  type ColumnMap,
  type ImportFormat,
} from '@timeline/customers';
import { parseJsonStrict } from '@timeline/http';
import { canonicalJson, DomainError } from '@timeline/kernel';
import { untilInterrupted, withProduct } from './open-product.js';
import type { Output } from './output.js';

interface Flags {
  source: string;
  name?: string;
  format?: ImportFormat;
  map?: string;
  dryRun?: boolean;
  errors?: string;
}

/** Shown when they do not go into a file. */
const ERRORS_SHOWN = 20;

export function addImportCustomers(imports: Command, output: () => Output): void {
  imports
    .command('customers')
    .argument('<file>', 'CSV with a header, or NDJSON; UTF-8')
    .requiredOption('--source <name>', 'the system it comes from; ids in the file are in its numbering')
    .option('--name <name>', 'what makes it the same import when it is run again; default: the content of the file')
    .addOption(new Option('--format <format>', 'default: by the name of the file').choices(IMPORT_FORMATS))
    .option('--map <file>', 'JSON, { "column": "field" }; null leaves a column out')
    .option('--dry-run', 'check everything and write nothing')
    .option('--errors <file>', 'CSV of what is wrong: line, column, name, code, message')
    .description('registers and updates customers; the same file again changes nothing; cut off, run it again')
    .action((file: string, flags: Flags) =>
      withProduct(true, async ({ context }) => {
        const format = flags.format ?? formatOf(file);
        const map = flags.map === undefined ? undefined : await readMap(flags.map);
        const size = await sizeOf(file);
        const name = flags.name ?? (await hashOf(file, map));
        const imports = (await context()).get(CustomerImports, { strict: false });
        const { source, dryRun = false } = flags;
        const request = { source, name, format, dryRun, ...(map && { map }) };
        const bytes = createReadStream(file);
        const bar = output().progress(size, 'bytes');
        const errors = new Errors(flags.errors);
        try {
          for await (const news of imports.run(bytes, request, untilInterrupted())) {
            if (news.kind === 'resumed') {
              await errors.keepUpTo(news.line);
              output().note({ resumedAfterLine: news.line });
            } else if (news.kind === 'error') await errors.add(news.error);
            else if (news.kind === 'progress') {
              bar.update(bytes.bytesRead);
              output().note({ line: news.line, bytes: bytes.bytesRead, of: size, ...news.counts });
            } else {
              bar.stop();
              const { summary } = news;
              const { counts, state } = summary;
              if (counts.failed > 0 || state === 'running') process.exitCode = 1;
              const what = state === 'checked' ? 'would be' : 'were';
              output().show({ ...summary, ...(flags.errors !== undefined && { errors: flags.errors }) }, () =>
                [
                  ...errors.shown,
                  `${counts.rows} rows: ${counts.registered} customers ${what} registered, ${counts.updated} updated, ` +
                    `${counts.unchanged} unchanged; ${counts.failed} rows failed` +
                    (counts.failed > 0 && flags.errors !== undefined ? `, see ${flags.errors}` : ''),
                  ...(state === 'running' ? ['Stopped: run the same command again to go on.'] : []),
                  ...(state === 'checked' ? ['Nothing was written.'] : [`import ${summary.importId}`]),
                ].join('\n'),
              );
            }
          }
        } finally {
          bar.stop();
          await errors.close();
        }
      }),
    );
}

function formatOf(file: string): ImportFormat {
  const end = path.extname(file).toLowerCase();
  if (end === '.csv' || end === '.tsv' || end === '.txt') return 'csv';
  if (end === '.ndjson' || end === '.jsonl') return 'ndjson';
  throw new DomainError(
    'FORMAT_UNKNOWN',
    `what ${path.basename(file)} is cannot be told by its name: say --format csv or ndjson`,
  );
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile()) return found.size;
  // It is read twice, and again when it goes on.
  throw new DomainError('FILE_NOT_FOUND', `there is no file ${file}`);
}

/** Read by another map, a file says something else. */
async function hashOf(file: string, map: ColumnMap = {}): Promise<string> {
  const hash = createHash('sha256').update(canonicalJson(map));
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

async function readMap(file: string): Promise<ColumnMap> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new DomainError('FILE_NOT_FOUND', `there is no file ${file}`);
  });
  const map: unknown = parseJsonStrict(text);
  if (isColumnMap(map)) return map;
  throw new DomainError('MAP_REFUSED', `${file} must be a JSON object of texts: { "column": "field", "other": null }`);
}

/** The file of errors. A run that goes on keeps what was told before and adds to it. */
class Errors {
  readonly shown: string[] = [];
  #handle: FileHandle | undefined;
  #count = 0;

  constructor(readonly file: string | undefined) {}

  async keepUpTo(line: number): Promise<void> {
    if (this.file === undefined) return;
    const before = await readFile(this.file, 'utf8').catch(() => '');
    const kept = before.split('\n').filter((row) => /^\d+,/.test(row) && Number(row.split(',')[0]) <= line);
    const handle = await this.#opened();
    for (const row of kept) await handle.write(`${row}\n`);
  }

  async add({ line, column, name = '', code, message }: CellError): Promise<void> {
    if (this.file !== undefined) {
      const cells = [String(line), column === undefined ? '' : String(column), name, code, message];
      await (await this.#opened()).write(`${cells.map(quoted).join(',')}\n`);
      return;
    }
    this.#count += 1;
    const at = column === undefined ? name : `column ${column} “${name}”`;
    if (this.#count <= ERRORS_SHOWN) this.shown.push(`line ${line}${at && `, ${at}`}: ${message} (${code})`);
    if (this.#count === ERRORS_SHOWN + 1)
      this.shown.push('… and more: write all of them into a file with --errors FILE');
  }

  /** Made also where nothing is wrong, so that an old one is not taken for this run's. */
  async close(): Promise<void> {
    if (this.file !== undefined) await (await this.#opened()).close();
  }

  async #opened(): Promise<FileHandle> {
    if (this.#handle) return this.#handle;
    this.#handle = await open(this.file ?? '', 'w');
    await this.#handle.write('line,column,name,code,message\n');
    return this.#handle;
  }
}

/** One row is one line; what a spreadsheet would take for a formula is text. */
function quoted(cell: string): string {
  const text = cell.replaceAll(/[\r\n]+/g, ' ').replace(/^(?=[=+@-])/, "'");
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
