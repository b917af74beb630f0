/** Starts `publish-numbers.ts` in a process of its own, to be killed. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PublicationSettings } from '../message-log.port.js';

export interface WriterProcess {
  kill(): void;
  /** What it printed so far, but for what it published. */
  lines: string[];
  /** Resolves once it has the publication, or is gone. */
  opened: Promise<unknown>;
  /** Resolves once it has published that many more from now on, or is gone. */
  publishes(more: number): Promise<unknown>;
  /** The exit code, null when killed. */
  ended: Promise<number | null>;
}

export function startWriter(url: string, settings: PublicationSettings, total: number): WriterProcess {
  const path = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));
  const program = ['--import', path('run-typescript.mjs'), path('publish-numbers.ts')];
  const child = spawn(process.execPath, [...program, url, JSON.stringify(settings), String(total)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let published = 0;
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('published ')) published = Number(line.slice(10));
    else lines.push(line);
    for (const look of waiting) look();
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const until = (condition: () => boolean): Promise<unknown> =>
    Promise.race([
      ended,
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (!condition()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    ]);
  return {
    kill: () => child.kill('SIGKILL'),
    lines,
    opened: until(() => lines.some((line) => line.startsWith('opened'))),
    publishes: (more) => {
      const goal = published + more;
      return until(() => published >= goal);
    },
    ended,
  };
}
