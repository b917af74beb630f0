/** A file system of a few megabytes that a test fills and empties: a `tmpfs` of its own, which needs root on Linux. */
import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);

export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** What keeps this machine from making one; undefined when it can. */
  static async lacks(): Promise<string | undefined> {
    try {
      const disk = await SmallDisk.create(1);
      await disk.dispose();
      return undefined;
    } catch (error) {
      return `a tmpfs cannot be mounted here, which needs root on Linux (${(error as Error).message.trim()})`;
    }
  }

  static async create(megabytes: number): Promise<SmallDisk> {
    const folder = await mkdtemp(path.join(tmpdir(), 'timeline-disk-'));
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', folder]);
    } catch (error) {
      await rm(folder, { recursive: true });
      throw error;
    }
    return new SmallDisk(folder);
  }

  get #ballast(): string {
    return path.join(this.folder, 'ballast');
  }

  /** Until not a byte is left. */
  async fill(): Promise<void> {
    const file = await open(this.#ballast, 'a');
    try {
      for (let bytes = 1024 * 1024; bytes >= 4096;) {
        try {
          const { bytesWritten } = await file.write(Buffer.alloc(bytes));
          if (bytesWritten < bytes) bytes /= 2;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          bytes /= 2;
        }
      }
    } finally {
      await file.close();
    }
  }

  /** Makes room again. */
  async free(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  /** Nobody may have a file on it open for writing. */
  async remount(mode: 'ro' | 'rw'): Promise<void> {
    await run('mount', ['-o', `remount,${mode}`, this.folder]);
  }

  async dispose(): Promise<void> {
    await run('umount', ['-l', this.folder]);
    await rm(this.folder, { recursive: true, force: true });
  }
}
