/** The driver against a server that is heard and no more, as a network that lost it shows. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { BSON, type MongoClient } from 'mongodb';
import { openMongo } from './open-mongo.js';

const HEADER_BYTES = 16;
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const YES = {
  ok: 1,
  isWritablePrimary: true,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  minWireVersion: 0,
  maxWireVersion: 25,
};

/** Says yes to everything until it is lost; then takes connections, and nothing of what comes on them. */
class Yes {
  readonly #sockets = new Set<Socket>();
  #isLost = false;

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
      let read = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        read = Buffer.concat([read, chunk]);
        for (let length; read.length >= 4 && read.length >= (length = read.readInt32LE()); read = read.subarray(length))
          socket.write(answerTo(read));
      });
      if (this.#isLost) socket.pause();
    });
  }

  static async start(): Promise<Yes> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Yes(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  lose(): void {
    this.#isLost = true;
    for (const socket of this.#sockets) socket.pause();
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
  }
}

function answerTo(message: Buffer): Buffer {
  const isQuery = message.readInt32LE(12) === OP_QUERY;
  // OP_REPLY: flags, cursor, where it starts, one document. OP_MSG: flags, one section of kind 0.
  const before = isQuery ? Buffer.alloc(20) : Buffer.alloc(5);
  if (isQuery) before.writeInt32LE(1, 16);
  const body = Buffer.concat([before, BSON.serialize(YES)]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32LE(HEADER_BYTES + body.length);
  header.writeInt32LE(message.readInt32LE(4), 8);
  header.writeInt32LE(isQuery ? OP_REPLY : OP_MSG, 12);
  return Buffer.concat([header, body]);
}

describe('a server that is lost', () => {
  let server: Yes;
  let client: MongoClient;
  const lossIsSeenSoon =
    'directConnection=true&heartbeatFrequencyMS=500&connectTimeoutMS=500&serverSelectionTimeoutMS=500';

  beforeEach(async () => {
    server = await Yes.start();
    ({ client } = openMongo(`mongodb://127.0.0.1:${server.port}/?${lossIsSeenSoon}`, 'test', {}));
    await client.db().command({ ping: 1 });
  });
  afterEach(async () => {
    await client.close();
    server.stop();
  });

  it('ends a write that is larger than the network takes', async () => {
    server.lose();
    const large = { text: 'x'.repeat(15_000_000) };
    await expect(client.db().collection('a').insertOne(large)).rejects.toThrow(/connection/i);
  });
});
