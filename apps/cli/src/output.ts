/** What the command line shows: text for people, one JSON document for machines, progress on the error stream. */
import { InvalidArgumentError } from 'commander';
import { Presets, SingleBar } from 'cli-progress';

export class Output {
  constructor(readonly json: boolean) {}

  /** `text` is for people; `value` for machines. */
  show(value: unknown, text: () => string): void {
    console.log(this.json ? JSON.stringify(value) : text());
  }

  /** How far something is, for machines: a JSON line on the error stream. */
  note(value: object): void {
    if (this.json) console.error(JSON.stringify(value));
  }

  fail(code: string, message: string, details: object): void {
    console.error(this.json ? JSON.stringify({ error: { code, message, ...details } }) : `${code}: ${message}`);
  }

  /** A bar with time left; silent for machines and where nobody watches. */
  progress(total: number, unit: string): Progress {
    if (this.json || !process.stderr.isTTY || total === 0) return { update: () => undefined, stop: () => undefined };
    const bar = new SingleBar(
      {
        format: `{bar} {percentage} % · {value}/{total} ${unit} · {eta_formatted} left`,
        stream: process.stderr,
        hideCursor: true,
      },
      Presets.shades_classic,
    );
    bar.start(total, 0);
    return {
      update: (done, of = total) => {
        if (of !== bar.getTotal()) bar.setTotal(of);
        bar.update(Math.min(done, of));
      },
      stop: () => bar.stop(),
    };
  }
}

export interface Progress {
  /** `of` where the total turned out to be another. */
  update(done: number, of?: number): void;
  stop(): void;
}

/** For options: a whole number from 1. */
export function positiveNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return number;
}

/** Columns padded to the widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
