/**
 * Looks at a database file before SQLite does. `libsql` ignores `readonly` and writes to whatever it opens, so a
 * file that is not ours is told apart here, by its first 100 bytes, and left as it is.
 * Format: https://www.sqlite.org/fileformat2.html#the_database_header
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { errorCode, FaultError, UnavailableError } from '@timeline/kernel';

export interface ExpectedFile {
  /** Signed 32 bits, not 0. Says whose file it is. */
  applicationId: number;
  /** For messages, e.g. `event store`. */
  kind: string;
  /** For error codes, e.g. `EVENT_STORE`. */
  codePrefix: string;
  /** The newest schema that this program knows. */
  schemaVersion: number;
}

const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;

export const damaged = ({ kind, codePrefix }: ExpectedFile, path: string, what: string, cause?: unknown): FaultError =>
  new FaultError(
    `${codePrefix}_DAMAGED`,
    `the ${kind} ${path} is damaged (${what}). It was left as it is: keep a copy, then restore it from a backup`,
    { cause },
  );

export const tooNew = ({ kind, codePrefix, schemaVersion }: ExpectedFile, path: string, found: number): FaultError =>
  new FaultError(
    `${codePrefix}_TOO_NEW`,
    `the ${kind} ${path} was written by a newer version of this program (schema ${found}, this one knows up to ` +
      `${schemaVersion}). It was left as it is: start that version, or a newer one`,
  );

export const unreadable = ({ kind, codePrefix }: ExpectedFile, path: string, cause: unknown): FaultError =>
  new FaultError(
    `${codePrefix}_UNREADABLE`,
    `the ${kind} ${path} cannot be opened (${errorCode(cause)}). Check that it is a file in a folder that this ` +
      `user may read and write`,
    { cause },
  );

/** The error of a file that may be sound but cannot be read or written now; undefined for any other error. */
export function unavailable({ kind }: ExpectedFile, path: string, cause: unknown): UnavailableError | undefined {
  const code = errorCode(cause);
  if (code.startsWith('SQLITE_FULL')) {
    const message = `the disk of the ${kind} ${path} is full; make room there`;
    return new UnavailableError(kind, message, { cause, code: 'STORE_FULL' });
  }
  if (!/^SQLITE_(BUSY|LOCKED|IOERR|NOMEM|PROTOCOL|INTERRUPT)/.test(code)) return undefined;
  return new UnavailableError(kind, `the ${kind} ${path} cannot be read or written now (${code})`, { cause });
}

const foreign = ({ kind, codePrefix }: ExpectedFile, path: string, what: string): FaultError =>
  new FaultError(
    `${codePrefix}_FOREIGN`,
    `${path} is ${what}, not the ${kind} of this program. It was left as it is: name another file, or move it away`,
  );

/**
 * Whether the file is there; it is then an undamaged-looking one of ours.
 * Must not be called while this process has the file open: closing a descriptor drops all locks of the process on it.
 * @throws FaultError `…_FOREIGN`, `…_DAMAGED`, `…_TOO_NEW`, `…_UNREADABLE`
 */
export function inspectFile(path: string, expected: ExpectedFile): boolean {
  const header = Buffer.alloc(HEADER_BYTES + 1);
  let size: number;
  let read: number;
  try {
    // Not `openSync` alone: it would wait for ever on a pipe.
    if (!statSync(path).isFile()) throw Object.assign(new Error('not a file'), { code: 'NOT_A_FILE' });
    const file = openSync(path, 'r');
    try {
      size = fstatSync(file).size;
      read = readSync(file, header, 0, header.length, 0);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw unreadable(expected, path, error);
  }
  if (size === 0) throw damaged(expected, path, 'it is empty; a new one is never empty');
  const magic = header.subarray(0, Math.min(read, MAGIC.length)).toString('latin1');
  if (read < HEADER_BYTES && MAGIC.startsWith(magic)) throw damaged(expected, path, 'it ends within its header');
  if (magic !== MAGIC) throw foreign(expected, path, 'no SQLite database');

  const applicationId = header.readInt32BE(68);
  if (applicationId !== expected.applicationId) {
    throw foreign(expected, path, `another SQLite database (application id ${applicationId})`);
  }
  const schemaVersion = header.readInt32BE(60);
  if (schemaVersion > expected.schemaVersion) throw tooNew(expected, path, schemaVersion);

  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const isPowerOfTwo = pageSize >= 512 && (pageSize & (pageSize - 1)) === 0;
  const formatsKnown = [header[18], header[19]].every((format) => format === 1 || format === 2);
  const fractionsFixed = header[21] === 64 && header[22] === 32 && header[23] === 32;
  const firstPageIsTable = read === header.length && (header[HEADER_BYTES] === 13 || header[HEADER_BYTES] === 5);
  if (!isPowerOfTwo || !formatsKnown || !fractionsFixed || !firstPageIsTable) {
    throw damaged(expected, path, 'its header makes no sense');
  }
  // The count of pages is only to be believed while nothing waits in the write-ahead log: a process killed while
  // it copied pages from there leaves a file that SQLite completes by itself.
  const pages = header.readUInt32BE(28);
  const pagesValid = header.readUInt32BE(24) === header.readUInt32BE(92);
  const waiting = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (pagesValid && waiting === 0 && size < pages * pageSize) {
    throw damaged(expected, path, `it ends after ${size} of ${pages * pageSize} bytes`);
  }
  return true;
}
