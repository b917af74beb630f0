/** A temporary file for what need not be in memory. It has no name, so nothing is left of it when the process ends, however it does. */
import { randomBytes } from 'node:crypto';
import { open, statfs, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { errorCode, UnavailableError } from '@timeline/kernel';

export interface Segment {
  offset: number;
  length: number;
}

export interface SpillFileOptions {
  /** Default: the system's, `TMPDIR`. */
  folder?: string;
  maxBytes?: number;
  /** Told once, when there is no room for more. */
  report?: (code: string) => void;
}

const MAX_BYTES = 1024 * 1024 * 1024;
/** Of what is free; others need room, too. */
const MAX_SHARE = 0.25;

export class SpillFile {
  #file: FileHandle | undefined;
  #end = 0;
  #maxBytes: number;
  #isRefused = false;
  readonly #folder: string;
  readonly #report: (code: string) => void;

  constructor({ folder = tmpdir(), maxBytes = MAX_BYTES, report = () => undefined }: SpillFileOptions = {}) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#report = report;
  }

  /** Answers where each of them is, or nothing where there is no room: then none is there. */
  async append(texts: readonly Buffer[]): Promise<Segment[] | undefined> {
    if (this.#isRefused) return undefined;
    const whole = Buffer.concat(texts);
    try {
      this.#file ??= await this.#open();
      if (this.#end + whole.length > this.#maxBytes) return undefined;
      await this.#file.appendFile(whole);
    } catch (error) {
      // How much of it was written is not known.
      this.#isRefused = true;
      this.#report(errorCode(error));
      return undefined;
    }
    return texts.map(({ length }) => {
      const offset = this.#end;
      this.#end += length;
      return { offset, length };
    });
  }

  /** @throws UnavailableError */
  async read({ offset, length }: Segment): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    for (let done = 0; done < length;) {
      const read = await this.#file?.read(buffer, done, length - done, offset + done).catch(unreadable);
      done += read?.bytesRead || unreadable();
    }
    return buffer;
  }

  async clear(): Promise<void> {
    this.#end = 0;
    await this.#file?.truncate(0);
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #open(): Promise<FileHandle> {
    const { bavail, bsize } = await statfs(this.#folder);
    this.#maxBytes = Math.min(this.#maxBytes, bavail * bsize * MAX_SHARE);
    const name = path.join(this.#folder, `timeline-window-${randomBytes(8).toString('hex')}`);
    const file = await open(name, 'ax+', 0o600);
    await unlink(name);
    return file;
  }
}

function unreadable(cause?: unknown): never {
  const message = 'what was put into a temporary file cannot be read there; it is read from the log again';
  throw new UnavailableError('temporary file', message, { cause });
}
