/** What the client is mended in is proven on a server, by the store's contract; this is what no server here can show. */
import { newEvent } from '../testing/events.js';
import { AppendingClient } from './appending-client.js';
import { toClientEvent } from './mapping.js';

it('refuses a server without the shared append call, where bytes would be stored as bytes', async () => {
  const { id, type } = newEvent();
  const client = Object.assign(AppendingClient.at('esdb://127.0.0.1:1?tls=false'), { supports: async () => false });
  const event = toClientEvent({ id, type, data: '{}', personal: undefined, metadata: '{}' });
  await expect(client.appendToStream('case-1', event)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
