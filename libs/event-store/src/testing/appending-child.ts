/**
 * Run by tests as a process of its own: appends without end to a log and prints a line for each acknowledged append,
 * `stream revision position id`, until it is killed. Arguments: path of the SQLite file, number of streams.
 */
import { writeSync } from 'node:fs';
import { newEvents, newStream } from './events.js';
import { SqliteEventStore } from '../sqlite/sqlite-event-store.js';

const [path = '', streams = '8'] = process.argv.slice(2);
const store = await SqliteEventStore.open(path);

async function appendForEver(stream: string): Promise<void> {
  for (let revision = -1; ;) {
    // One to three events, so that a torn append would show.
    const events = newEvents(1 + ((revision + 2) % 3));
    const expectedRevision = revision === -1 ? 'no-stream' : revision;
    const result = await store.append(stream, events, { expectedRevision });
    revision = result.revision;
    writeSync(1, `${stream} ${revision} ${result.position} ${events.at(-1)?.id}\n`);
  }
}

await Promise.all(Array.from({ length: Number(streams) }, () => appendForEver(newStream('killed'))));
