/**
 * A stand-in for EventStoreDB: TEST SUPPORT, never a part of the product. It speaks the server's gRPC protocol as far
 * as `@eventstore/db-client` 6.2.1 needs it and behaves as a single insecure node of version 23.10 (or 24.6) was
 * measured to behave; `test/servers/eventstoredb-conformance.mjs` holds it to that. Records are durable before an
 * append is answered, so it may be killed and started again on the same folder.
 *
 *   node main.mjs --dir FOLDER [--port 2113] [--version 23.10|24.6]
 *
 * What it does not do: clusters and gossip, TLS, users and access control (credentials are not looked at), projections
 * and their streams, scavenging, monitoring, operations, the HTTP interface; persistent subscriptions to one stream,
 * their info, list and update. Its speed and size say nothing about EventStoreDB's. Filters are JavaScript's regular
 * expressions, not .NET's.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { appendingHandlers } from './appending.mjs';
import { Log } from './log.mjs';
import { features, PersistentSubscriptionsService, ServerFeaturesService, StreamsService } from './messages.mjs';
import { persistentHandlers } from './persistent.mjs';
import { readingHandlers } from './reading.mjs';
import { failAll, isAnyOpen } from './sending.mjs';

const VERSIONS = { '23.10': '23.10.6', 24.6: '24.6.0' };
/** While somebody is subscribed. */
const STOPS_AFTER_MS = 5_000;
const MAX_MESSAGE_BYTES = 17 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    port: { type: 'string', default: '0' },
    version: { type: 'string', default: '23.10' },
  },
});
if (values.dir === undefined || !Object.hasOwn(VERSIONS, values.version)) {
  console.error('usage: node main.mjs --dir FOLDER [--port 2113] [--version 23.10|24.6]');
  process.exit(2);
}

mkdirSync(values.dir, { recursive: true });
const log = new Log(join(values.dir, 'log.sqlite'));
const node = { isOld: values.version === '23.10', isStopping: false };
const server = new Server({
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
});

const handlers = { ...appendingHandlers(log, node), ...readingHandlers(log, node) };
const ofGroups = persistentHandlers(log, node);
server.addService(StreamsService, handlers);
server.addService(PersistentSubscriptionsService, ofGroups);
server.addService(ServerFeaturesService, {
  getSupportedMethods(_call, callback) {
    const answer = new features.SupportedMethods();
    answer.setEventStoreServerVersion(VERSIONS[values.version]);
    const supported = [
      ...methodsOf(StreamsService, handlers, ['position', 'events']),
      ...methodsOf(PersistentSubscriptionsService, ofGroups, ['all']),
    ];
    answer.setMethodsList(supported);
    callback(null, answer);
  },
});

function methodsOf(service, implemented, having) {
  return Object.keys(implemented).map((name) => {
    const [, serviceName, methodName] = service[name].path.toLowerCase().split('/');
    const method = new features.SupportedMethod();
    method.setServiceName(serviceName);
    method.setMethodName(methodName);
    method.setFeaturesList(having);
    return method;
  });
}

server.bindAsync(`127.0.0.1:${values.port}`, ServerCredentials.createInsecure(), (error, port) => {
  if (error) {
    console.error(error.message);
    process.exit(1);
  }
  console.log(`listening on ${port}`);
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    if (node.isStopping) return;
    node.isStopping = true;
    if (isAnyOpen()) await setTimeout(STOPS_AFTER_MS);
    failAll();
    // The failures go out before the connections close.
    await setTimeout(50);
    server.forceShutdown();
    log.close();
    process.exit(0);
  });
}
