// Resident memory while all projections are filled over a million events (`npm run bench:million`, a program of its own whose
// first lines say how). Only `--full` runs it; otherwise its last committed result is told.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { alone } from '../support/rows.mjs';

export const scales = { normal: {}, full: { events: 1_000_000 } };
const at = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

export async function run({ scale: { events } }) {
  const file = at('results/million-events.json');
  if (events !== undefined) {
    rmSync(file, { force: true });
    // It ends with 1 where memory is not flat, which the row tells; where it measured nothing there is no file.
    spawnSync(process.execPath, [at('million-events.mjs'), '--events', String(events)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  const result = JSON.parse(readFileSync(file, 'utf8'));
  return [
    alone({
      id: 'memory',
      what: `most resident memory with ${result.events.toLocaleString('en')} events over that with a tenth of them`,
      unit: 'times',
      value: result.rssGrowth,
      aim: { atMost: 1.2 },
      samples: result.samples,
      measuredAtOfSamples: result.measuredAt,
      machineOfSamples: result.machine,
    }),
  ];
}
