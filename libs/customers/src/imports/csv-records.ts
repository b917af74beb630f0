/**
 * CSV (RFC 4180) as records with the line that each begins on. A record that cannot be read is told as such and reading
 * goes on with the line after the one it began on, so that one stray quote costs one line.
 *
 * Not done by `csv-parse`: it counts a line break within quotes twice, and after a stray quote it skips all lines up to
 * the next one.
 */

export type CsvRecord = { line: number } & (
  { cells: string[] } | { fault: 'QUOTE_NOT_CLOSED' | 'QUOTE_MISPLACED' | 'RECORD_TOO_LONG' }
);

/** Characters. */
const MAX_RECORD = 262_144;
const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;

/** Empty lines are skipped but counted. @param texts decoded, without byte order mark */
export async function* readCsv(
  texts: AsyncIterable<string>,
  delimiterOf: (firstLine: string) => string = guessDelimiter,
): AsyncGenerator<CsvRecord, void, undefined> {
  let text = '';
  let line = 1;
  let delimiter: string | undefined;
  function* records(isEnd: boolean): Generator<CsvRecord> {
    let at = 0;
    while (at < text.length) {
      if (delimiter === undefined) {
        const end = text.indexOf('\n');
        if (end < 0 && !isEnd && text.length <= MAX_RECORD) break;
        delimiter = delimiterOf(text.slice(0, end < 0 ? undefined : end));
      }
      const read = readRecord(text, at, delimiter, isEnd);
      if (read === 'more') break;
      const { next, ...found } = read;
      if (!('cells' in found) || found.cells.length > 1 || found.cells[0] !== '') yield { line, ...found };
      for (let i = at; i < next; i += 1) if (text.charCodeAt(i) === NEWLINE) line += 1;
      at = next;
    }
    text = text.slice(at);
  }
  for await (const chunk of texts) {
    text += chunk;
    yield* records(false);
  }
  yield* records(true);
}

/** Of comma, semicolon and tab the one that is there most often. */
export function guessDelimiter(firstLine: string): string {
  const counts = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: firstLine.split(delimiter).length }));
  return counts.reduce((best, each) => (each.count > best.count ? each : best)).delimiter;
}

type Read = { next: number } & (
  { cells: string[] } | { fault: 'QUOTE_NOT_CLOSED' | 'QUOTE_MISPLACED' | 'RECORD_TOO_LONG' }
);

function readRecord(text: string, from: number, delimiter: string, isEnd: boolean): Read | 'more' {
  const isTooLong = text.length - from > MAX_RECORD;
  const give = (fault: Extract<Read, { fault: string }>['fault']): Read | 'more' => {
    const end = text.indexOf('\n', from);
    if (end < 0 && !isEnd && !isTooLong) return 'more';
    return { fault, next: end < 0 ? text.length : end + 1 };
  };
  const more = (fault: 'QUOTE_NOT_CLOSED' | 'RECORD_TOO_LONG'): Read | 'more' =>
    isTooLong || isEnd ? give(fault) : 'more';
  const cells: string[] = [];
  for (let at = from; ; at += 1) {
    let cell = '';
    if (text.charCodeAt(at) === QUOTE) {
      let begin = at + 1;
      for (;;) {
        const quote = text.indexOf('"', begin);
        if (quote < 0 || (quote - from > MAX_RECORD && isTooLong)) return more('QUOTE_NOT_CLOSED');
        if (quote + 1 === text.length && !isEnd) return more('QUOTE_NOT_CLOSED');
        cell += text.slice(begin, quote);
        at = quote + 1;
        if (text.charCodeAt(at) !== QUOTE) break;
        cell += '"';
        begin = at + 1;
      }
      if (text.charCodeAt(at) === RETURN && (at + 1 === text.length || text.charCodeAt(at + 1) === NEWLINE)) {
        if (at + 1 === text.length && !isEnd) return more('RECORD_TOO_LONG');
        at += 1;
      }
      if (at < text.length && text.charCodeAt(at) !== NEWLINE && text[at] !== delimiter) return give('QUOTE_MISPLACED');
    } else {
      const begin = at;
      while (at < text.length && text.charCodeAt(at) !== NEWLINE && text[at] !== delimiter) at += 1;
      if (at === text.length && !isEnd) return more('RECORD_TOO_LONG');
      const isLast = at === text.length || text.charCodeAt(at) === NEWLINE;
      cell = text.slice(begin, isLast && text.charCodeAt(at - 1) === RETURN && at > begin ? at - 1 : at);
    }
    cells.push(cell);
    if (at >= text.length) return { cells, next: text.length };
    if (text.charCodeAt(at) === NEWLINE) return { cells, next: at + 1 };
  }
}
