// As https://event-driven-io.github.io/emmett says: a command handler over the store, one stream for each interaction. The
// store opens the file in write-ahead mode; `synchronous` is SQLite's default, FULL.
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { CommandHandler } from '@event-driven-io/emmett';
import { getSQLiteEventStore } from '@event-driven-io/emmett-sqlite';
import { driven } from '../driven.mjs';

driven(async ({ folder }) => {
  const store = getSQLiteEventStore({ fileName: path.join(folder, 'emmett.db') });
  const handle = CommandHandler({ evolve: (_state, event) => event.data, initialState: () => ({}) });
  return (body) =>
    handle(store, `interaction-${randomUUID()}`, () => ({
      type: 'InteractionRecorded',
      data: body,
      metadata: { actor: 'bench' },
    }));
});
