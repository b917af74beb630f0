// Resident memory while all projections are filled over a million events (`npm run bench:million`, a program of its own whose
// first lines say how). Only `--full` runs it; otherwise its last committed result is told.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { alone } from '../support/rows.mjs';

export const scales = { normal: {}, full: { events: 1_000_000 } };
const at = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

export async function run({ scale: { events } }) {
  if (events !== undefined)
    try {
      execFileSync(process.execPath, [at('million-events.mjs'), '--events', String(events)], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    } catch {
      // It ends with 1 where memory is not flat, which the row tells.
    }
  const result = JSON.parse(readFileSync(at('results/million-events.json'), 'utf8'));
  return [
    alone({
      id: 'memory',
      what: `resident memory at ${result.events.toLocaleString('en')} events over that at a tenth of them`,
      unit: 'times',
      value: result.rssGrowth,
      aim: { atMost: 1.2 },
      samples: result.samples,
      machineOfSamples: result.machine,
    }),
  ];
}
