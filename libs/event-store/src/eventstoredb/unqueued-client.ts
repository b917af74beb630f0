/**
 * The client without its queue in front of the shared append call. There it waits until its stream takes more than sixteen
 * messages, and where the connection drops meanwhile (a hung server) it rejects a promise that nobody can catch, which
 * ends the process: seen with 64 appends under way, not below 16. Who uses this bounds appends themselves.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import eventStoreDb from '@eventstore/db-client';

const { EventStoreDBClient } = eventStoreDb;

export class UnqueuedClient extends EventStoreDBClient {
  static at(url: string): eventStoreDb.EventStoreDBClient {
    const client = EventStoreDBClient.connectionString(url);
    // What makes streams is the client's own member, open to subclasses; `connectionString` makes none.
    const own = client as UnqueuedClient;
    const create = own.GRPCStreamCreator;
    own.GRPCStreamCreator = (service, call, open, cache) =>
      create(service, call, async (of) => (call === 'appendToStream' ? unqueued(await open(of)) : open(of)), cache);
    return client;
  }
}

function unqueued<Stream extends Readable | Writable | Duplex>(stream: Stream): Stream {
  if (!('write' in stream)) return stream;
  const write = stream.write.bind(stream);
  return Object.assign(stream, { write: (message: unknown) => write(message) || true });
}
