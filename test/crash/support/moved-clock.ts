/** The time of day of all processes that are started with `env`, moved while they run. */
import { renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MOVED_CLOCK = fileURLToPath(new URL('../../support/moved-clock.mjs', import.meta.url));

export class MovedClock {
  #offsetMs = 0;

  /** `file`: through which they learn of it. */
  constructor(private readonly file: string) {
    this.set(0);
  }

  get env(): NodeJS.ProcessEnv {
    return { NODE_OPTIONS: `--import=${MOVED_CLOCK}`, CLOCK_OFFSET_FILE: this.file };
  }

  /** So far from the true time. */
  set(offsetMs: number): void {
    this.#offsetMs = offsetMs;
    // Whole at any instant for those who read it.
    writeFileSync(`${this.file}.new`, String(offsetMs));
    renameSync(`${this.file}.new`, this.file);
  }

  advance(ms: number): void {
    this.set(this.#offsetMs + ms);
  }
}
