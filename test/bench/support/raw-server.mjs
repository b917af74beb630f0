// What a good engineer writes in an afternoon: a Fastify route that appends one event, requests that wait at the same time
// sharing a transaction, and one that takes NDJSON and appends line by line in batches. Nothing is checked, looked up, sealed or decided.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import Fastify from 'fastify';
import { RawLog } from './raw-log.mjs';

const [, , file] = process.argv;
const BATCH = 500;
const log = await RawLog.create(file);

/** An event of about the size of the product's, which holds ids and a hash in its metadata and the text sealed. */
function eventOf({ customer, occurredAt, subject, body, ...data }) {
  const id = randomUUID();
  const { customerId } = customer;
  return {
    stream: `interaction-${id}`,
    revision: 0,
    id,
    type: 'InteractionRecorded',
    data: { ...data, interactionId: id },
    personal: Buffer.from(JSON.stringify({ subject, body })).toString('base64'),
    metadata: {
      ...{ schemaVersion: 1, occurredAt, customerId, actor: 'bench', commandId: id, bodyHash: id },
      ...{ correlationId: id, causationId: id, keyId: id },
    },
  };
}

const app = Fastify();
app.addContentTypeParser('application/x-ndjson', (_request, payload, done) => done(null, payload));

app.post('/v1/interactions', async ({ body }, reply) => {
  const event = eventOf(body);
  await log.append(event);
  reply.code(201).header('location', `/v1/interactions/${event.id}`);
  return { id: event.id, revision: 0 };
});

app.post('/v1/commands', (request, reply) => {
  reply.type('application/x-ndjson').send(Readable.from(outcomes(request.body)));
});

async function* outcomes(body) {
  let batch = [];
  const write = () => {
    log.insert(batch);
    const answers = batch.map(
      ({ id }, at) => `${JSON.stringify({ line: at + 1, status: 200, outcome: { id, revision: 0 } })}\n`,
    );
    batch = [];
    return answers.join('');
  };
  for await (const line of createInterface({ input: body })) {
    batch.push(eventOf(JSON.parse(line).data));
    if (batch.length === BATCH) yield write();
  }
  if (batch.length > 0) yield write();
}

console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
process.on('SIGTERM', () => {
  app.close().then(() => {
    log.close();
    process.exit(0);
  });
});
