// As https://event-driven-io.github.io/emmett says: a command handler over the store, one stream for each interaction.
import { randomUUID } from 'node:crypto';
import { CommandHandler } from '@event-driven-io/emmett';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import { driven } from '../driven.mjs';

driven(async ({ url }) => {
  const store = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  const handle = CommandHandler({ evolve: (_state, event) => event.data, initialState: () => ({}) });
  return (body) =>
    handle(store, `interaction-${randomUUID()}`, () => ({
      type: 'InteractionRecorded',
      data: body,
      metadata: { actor: 'bench' },
    }));
});
