/**
 * The client with its shared append call mended in two ways.
 *
 * Its queue in front of the call is left out. There it waits until its stream takes more than sixteen messages, and where
 * the connection drops meanwhile (a hung server) it rejects a promise that nobody can catch, which ends the process: seen
 * with 64 appends under way, not below 16. Who uses this bounds appends themselves.
 *
 * Events are given to it as bytes of JSON (`toClientEvent`) and are told to the server as JSON.
 */
import eventStoreDb from '@eventstore/db-client';
import type { Duplex, Readable, Writable } from 'node:stream';
import { FaultError } from '@timeline/kernel';

const { EventStoreDBClient } = eventStoreDb;

/** The client's own request, as much of it as is looked at. */
interface BatchAppendRequest {
  getProposedMessagesList(): { getMetadataMap(): Map<string, string> }[];
}

export class AppendingClient extends EventStoreDBClient {
  static at(url: string): eventStoreDb.EventStoreDBClient {
    const client = EventStoreDBClient.connectionString(url);
    // What makes streams and calls are the client's own members, open to subclasses; `connectionString` makes none.
    const own = client as AppendingClient;
    const { GRPCStreamCreator: create, execute } = own;
    own.GRPCStreamCreator = (service, call, open, cache) =>
      create(service, call, async (of) => (call === 'appendToStream' ? ofJson(await open(of)) : open(of)), cache);
    own.execute = async (service, call, action) => {
      // The client's way for servers without the shared call would store bytes as bytes.
      if (call === 'appendToStream')
        throw new FaultError('CONFIG_INVALID', 'EventStoreDB before 21.10 is not supported');
      return execute(service, call, action);
    };
    return client;
  }
}

function ofJson<Stream extends Readable | Writable | Duplex>(stream: Stream): Stream {
  if (!('write' in stream)) return stream;
  const write = stream.write.bind(stream);
  return Object.assign(stream, {
    write: (request: BatchAppendRequest) => {
      for (const event of request.getProposedMessagesList())
        event.getMetadataMap().set('content-type', 'application/json');
      return write(request) || true;
    },
  });
}
