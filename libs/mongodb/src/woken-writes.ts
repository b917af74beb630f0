/**
 * What waits to write ends with its connection. The driver (7.9.0) gives a connection up without an error of its socket
 * where a heartbeat was not answered in time; whoever waits for that socket's `drain` then, or writes in the same moment,
 * waits for good, with its place in the pool. Woken once, it sees the connection's error, like all others on it.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

interface Connection {
  socket: Socket;
  cleanup(error: Error): void;
}

const require = createRequire(import.meta.url);
// Of the driver's own, and under no promise of its: the spec beside this fails where it has become another.
const { Connection } = require('mongodb/lib/cmap/connection.js') as { Connection: { prototype: Connection } };
const { cleanup } = Connection.prototype;

Connection.prototype.cleanup = function (this: Connection, error: Error): void {
  cleanup.call(this, error);
  // After those who found it open a moment ago and are about to write.
  setImmediate(() => this.socket.emit('drain'));
};
