import fc from 'fast-check';
import { guessDelimiter, readCsv, type CsvRecord } from './csv-records.js';
import { decodeStrictly } from './utf8.js';

async function* chunksOf(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}
async function all(text: string, size = 7): Promise<CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const record of readCsv(chunksOf(text, size))) records.push(record);
  return records;
}

describe('CSV records', () => {
  it('know the line they begin on, across quoted line breaks, empty lines and CRLF', async () => {
    const text = 'a,b,c\r\n1,"x\r\ny",3\r\n\r\n4,"say ""hi""",\r\n5,6,7';
    const expected = [
      { line: 1, cells: ['a', 'b', 'c'] },
      { line: 2, cells: ['1', 'x\r\ny', '3'] },
      { line: 5, cells: ['4', 'say "hi"', ''] },
      { line: 6, cells: ['5', '6', '7'] },
    ];
    for (const size of [1, 2, 3, 7, 1000]) expect(await all(text, size)).toEqual(expected);
  });

  it('cost one line where a quote is stray or never closed', async () => {
    const records = await all('a,b\n1,"x"y\n2,z\n3,"open\n4,w\n5," "\n');
    expect(records).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 2, fault: 'QUOTE_MISPLACED' },
      { line: 3, cells: ['2', 'z'] },
      { line: 4, fault: 'QUOTE_MISPLACED' },
      { line: 5, cells: ['4', 'w'] },
      { line: 6, cells: ['5', ' '] },
    ]);
    expect(await all('a,b\n3,"open\n4,w\n')).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 2, fault: 'QUOTE_NOT_CLOSED' },
      { line: 3, cells: ['4', 'w'] },
    ]);
  });

  it('come back as they were written, whatever is in them and however it is cut', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', ' ', '中', ';') });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 9 }),
        async (rows, size) => {
          const text = rows.map((row) => row.map((each) => `"${each.replaceAll('"', '""')}"`).join(',')).join('\r\n');
          const read: CsvRecord[] = [];
          for await (const record of readCsv(chunksOf(text, size), () => ',')) read.push(record);
          expect(read.map((record) => ('cells' in record ? record.cells : record.fault))).toEqual(rows);
        },
      ),
    );
  });

  it('are separated by what the header is', () => {
    expect([guessDelimiter('a,b;c,d'), guessDelimiter('a;b;c'), guessDelimiter('a\tb\tc')]).toEqual([',', ';', '\t']);
  });
});

describe('bytes of a file', () => {
  const read = async (chunks: Buffer[]): Promise<string> => {
    let text = '';
    for await (const part of decodeStrictly(
      (async function* () {
        yield* chunks;
      })(),
    ))
      text += part;
    return text;
  };

  it('are UTF-8 without its mark, also where a chunk ends within a character', async () => {
    const bytes = Buffer.from('\ufeffname\n张伟\n');
    expect(await read([...bytes].map((byte) => Buffer.from([byte])))).toBe('name\n张伟\n');
  });

  it('are refused in another encoding, with the line', async () => {
    await expect(read([Buffer.from('name\nok\n'), Buffer.from([0xd5, 0xc5, 0xce, 0xb0])])).rejects.toMatchObject({
      code: 'FILE_NOT_UTF8',
      message: expect.stringContaining('line 3'),
    });
    await expect(read([Buffer.from('\ufeffname', 'utf16le')])).rejects.toMatchObject({
      message: expect.stringContaining('UTF-16'),
    });
  });
});
