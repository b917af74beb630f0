/** Bytes as text, strictly: a file in another encoding is refused instead of being read as something else. */
import { DomainError } from '@timeline/kernel';

/** A byte order mark is left out. @throws DomainError FILE_NOT_UTF8 */
export async function* decodeStrictly(bytes: AsyncIterable<Buffer | string>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  let isFirst = true;
  for await (const given of bytes) {
    const chunk = Buffer.from(given);
    if (isFirst && chunk.length >= 2 && ['fffe', 'feff'].includes(chunk.toString('hex', 0, 2))) {
      throw new DomainError('FILE_NOT_UTF8', 'the file is UTF-16: save it as UTF-8 (in Excel: “CSV UTF-8”)');
    }
    isFirst = false;
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      throw notUtf8(line);
    }
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) line += 1;
    yield text;
  }
  try {
    yield decoder.decode();
  } catch {
    throw notUtf8(line);
  }
}

const notUtf8 = (line: number): DomainError =>
  new DomainError(
    'FILE_NOT_UTF8',
    `the file is not UTF-8, somewhere from line ${line} on: convert it first, e.g. with iconv -f GB18030 -t UTF-8`,
  );
