/**
 * Persistent subscriptions to the whole log: create, read with acknowledgements, retry, park, replay, delete. A group
 * hands each matching record to one of its consumers in turn and remembers in a checkpoint what all of them are done
 * with. Not there: subscriptions to one stream, update, info, list, other consumer strategies.
 */
import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { ANY, idOf, metastreamOf, randomId } from './log.mjs';
import { failure, persistent, readEvent } from './messages.mjs';
import { matching, resolved } from './reading.mjs';
import { Sending } from './sending.mjs';

const { CreateReq, CreateResp, DeleteResp, ReadReq, ReadResp, ReplayParkedResp } = persistent;
const { Action } = ReadReq.Nack;
const SOURCE = '$all';

const refusal = (code, exception, details, group) =>
  failure(code, details, { exception, 'stream-name': SOURCE, 'group-name': group });
const exists = (group) =>
  refusal(
    status.ALREADY_EXISTS,
    'persistent-subscription-exists',
    `Subscription group ${group} on stream ${SOURCE} exists.`,
    group,
  );
const doesNotExist = (group) =>
  refusal(
    status.NOT_FOUND,
    'persistent-subscription-does-not-exist',
    `Subscription group ${group} on stream ${SOURCE} does not exist.`,
    group,
  );
const full = (group) =>
  refusal(
    status.FAILED_PRECONDITION,
    'maximum-subscribers-reached',
    `Maximum subscriptions reached for subscription group ${group} on stream ${SOURCE}.`,
    group,
  );
const dropped = (group) =>
  refusal(
    status.CANCELLED,
    'persistent-subscription-dropped',
    `Subscription group ${group} on stream ${SOURCE} was dropped.`,
    group,
  );
const onlyAll = () => failure(status.UNIMPLEMENTED, 'This stand-in has persistent subscriptions to $all only.');

/** @param {import('./log.mjs').Log} log @param {{ isOld: boolean }} version */
export function persistentHandlers(log, version) {
  const groups = new Map(log.groups().map(([name, saved]) => [name, new Group(log, name, saved, version)]));
  /** Runs `action` on the group that the request names. */
  const onGroup = (options, callback, action) => {
    const name = options.getGroupName();
    const group = groups.get(name);
    if (!options.hasAll()) return callback(onlyAll());
    if (!group) return callback(doesNotExist(name));
    action(group, name).then(
      (answer) => callback(null, answer),
      (error) => callback(error),
    );
  };

  return {
    async create(call, callback) {
      const options = call.request.getOptions();
      const name = options.getGroupName();
      if (!options.hasAll()) return callback(onlyAll());
      if (groups.has(name)) return callback(exists(name));
      try {
        const all = options.getAll();
        matching(all);
        const done = all.hasStart() ? 0 : all.hasEnd() ? log.head : Number(all.getPosition().getCommitPosition());
        const saved = { options: Buffer.from(options.serializeBinary()).toString('base64'), done };
        groups.set(name, new Group(log, name, saved, version));
        await log.write(() => log.saveGroup(name, saved));
        callback(null, new CreateResp());
      } catch (error) {
        callback(error);
      }
    },

    delete(call, callback) {
      onGroup(call.request.getOptions(), callback, async (group, name) => {
        groups.delete(name);
        group.drop();
        await log.write(() => log.removeGroup(name));
        return new DeleteResp();
      });
    },

    replayParked(call, callback) {
      const options = call.request.getOptions();
      onGroup(options, callback, async (group) => {
        await group.replay(options.hasStopAt() ? Number(options.getStopAt()) : Infinity);
        return new ReplayParkedResp();
      });
    },

    read(call) {
      const sending = new Sending(call);
      let group;
      let consumer;
      call.on('data', (message) => {
        if (message.hasOptions()) {
          const options = message.getOptions();
          const name = options.getGroupName();
          group = groups.get(name);
          if (!options.hasAll()) return sending.fail(onlyAll());
          if (!group) return sending.fail(doesNotExist(name));
          consumer = group.join(sending, options.getBufferSize());
          if (!consumer) sending.fail(full(name));
        } else if (consumer && message.hasAck()) {
          for (const id of message.getAck().getIdsList()) group.acknowledge(idOf(id.getString()));
        } else if (consumer && message.hasNack()) {
          const nack = message.getNack();
          for (const id of nack.getIdsList()) group.refuse(idOf(id.getString()), nack.getAction(), nack.getReason());
        }
      });
      call.on('end', () => sending.end());
    },
  };
}

class Group {
  #log;
  #name;
  #options;
  #saved;
  #settings;
  #isOld;
  #matches;
  /** Records up to here were taken from the log. */
  #taken;
  /** Taken and not done with: by the id that acknowledgements name, in the order of the log. */
  #inFlight = new Map();
  /** To be delivered again. */
  #again = [];
  #consumers = [];
  /** Writes under way: what was refused before a replay was asked for is replayed. */
  #beingParked = new Set();
  #doneSinceCheckpoint = 0;
  #lastCheckpointAt = Date.now();
  #ended = new AbortController();
  #isWaiting = false;

  constructor(log, name, saved, { isOld }) {
    this.#log = log;
    this.#name = name;
    this.#isOld = isOld;
    this.#saved = saved;
    this.#options = CreateReq.Options.deserializeBinary(new Uint8Array(Buffer.from(saved.options, 'base64')));
    this.#settings = this.#options.getSettings();
    this.#matches = matching(this.#options.getAll());
    this.#taken = saved.done;
  }

  get #parked() {
    return `$persistentsubscription-${SOURCE}::${this.#name}-parked`;
  }

  /** Undefined when there are enough already. */
  join(sending, bufferSize) {
    const limit = this.#settings.getMaxSubscriberCount();
    if (limit > 0 && this.#consumers.length >= limit) return undefined;
    const consumer = { sending, free: bufferSize };
    this.#consumers.push(consumer);
    sending.signal.addEventListener('abort', () => this.#leave(consumer), { once: true });
    const confirmation = new ReadResp.SubscriptionConfirmation();
    confirmation.setSubscriptionId(randomUUID());
    const message = new ReadResp();
    message.setSubscriptionConfirmation(confirmation);
    void sending.send(message);
    this.#deliver();
    return consumer;
  }

  #leave(consumer) {
    this.#consumers.splice(this.#consumers.indexOf(consumer), 1);
    for (const item of this.#inFlight.values()) if (item.consumer === consumer) this.#deliverAgain(item, item.retries);
    this.#deliver();
  }

  drop() {
    this.#ended.abort();
    for (const item of this.#inFlight.values()) clearTimeout(item.timer);
    for (const { sending } of [...this.#consumers]) sending.fail(dropped(this.#name));
  }

  acknowledge(id) {
    const item = this.#inFlight.get(id.toString('hex'));
    if (!item) return;
    this.#release(item);
    this.#finish(item);
    this.#deliver();
  }

  refuse(id, action, reason) {
    const item = this.#inFlight.get(id.toString('hex'));
    if (!item) return;
    if (action === Action.RETRY) this.#retry(item);
    else if (action === Action.SKIP || action === Action.STOP) this.acknowledge(id);
    else this.#park(item, `Client explicitly NAK'ed message.\n${reason}`);
    this.#deliver();
  }

  /** What was parked is delivered anew, as links. */
  async replay(stopAt) {
    await Promise.all(this.#beingParked);
    const { first, last } = this.#log.stream(this.#parked);
    const upTo = Math.min(last, stopAt - 1);
    for (let revision = first; revision <= upTo; revision++) {
      const [record] = this.#log.streamForwards(this.#parked, revision, 1);
      const found = resolved(this.#log, record, { getResolveLinks: () => true });
      if (found.event) this.#again.push(this.#remember(found));
    }
    if (upTo >= first) await this.#log.write(() => this.#log.setMetadata(this.#parked, { $tb: upTo + 1 }));
    this.#deliver();
  }

  #remember(found) {
    const { id } = found.link ?? found.event;
    const item = { key: id.toString('hex'), found, retries: 0, consumer: undefined, timer: undefined };
    this.#inFlight.set(item.key, item);
    return item;
  }

  /** Hands out as long as somebody has room; then waits for the log to grow. */
  #deliver() {
    for (;;) {
      const consumer = this.#consumers.find(({ free }) => free > 0);
      if (!consumer) return;
      const item = this.#again.shift() ?? this.#takeNext();
      if (!item) return this.#waitForMore();
      // In turn: whoever was served goes to the end.
      this.#consumers.push(...this.#consumers.splice(this.#consumers.indexOf(consumer), 1));
      this.#hand(item, consumer);
    }
  }

  #takeNext() {
    for (;;) {
      const [record] = this.#log.after(this.#taken, 1);
      if (!record) return undefined;
      this.#taken = record.position;
      if (this.#matches(record)) return this.#remember(resolved(this.#log, record, this.#settings));
    }
  }

  #waitForMore() {
    if (this.#isWaiting || this.#ended.signal.aborted) return;
    this.#isWaiting = true;
    void this.#log.changed(this.#ended.signal).then(() => {
      this.#isWaiting = false;
      this.#deliver();
    });
  }

  #hand(item, consumer) {
    item.consumer = consumer;
    consumer.free -= 1;
    const timeout = this.#settings.getMessageTimeoutMs();
    if (timeout > 0) {
      item.timer = setTimeout(() => {
        this.#retry(item);
        this.#deliver();
      }, timeout);
    }
    const event = readEvent(ReadResp.ReadEvent, item.found);
    event.setRetryCount(item.retries);
    const message = new ReadResp();
    message.setEvent(event);
    void consumer.sending.send(message);
  }

  #release(item) {
    clearTimeout(item.timer);
    if (item.consumer) item.consumer.free += 1;
    item.consumer = undefined;
  }

  #retry(item) {
    const limit = this.#settings.getMaxRetryCount();
    if (item.retries >= limit) return this.#park(item, `Reached retry count of ${limit}`);
    this.#deliverAgain(item, item.retries + 1);
  }

  #deliverAgain(item, retries) {
    this.#release(item);
    item.retries = retries;
    this.#again.push(item);
  }

  #park(item, reason) {
    const parking = this.#writeParked(item, reason).finally(() => this.#beingParked.delete(parking));
    this.#beingParked.add(parking);
  }

  async #writeParked(item, reason) {
    this.#release(item);
    const { stream, revision } = item.found.event ?? item.found.link;
    const link = {
      id: randomId(),
      type: '$>',
      isJson: false,
      data: Buffer.from(`${revision}@${stream}`),
      metadata: Buffer.from(JSON.stringify({ added: new Date().toISOString(), reason })),
    };
    await this.#log.write(() => this.#log.append(this.#parked, ANY, [link]));
    this.#finish(item);
  }

  #finish(item) {
    this.#inFlight.delete(item.key);
    this.#doneSinceCheckpoint += 1;
    const isDue =
      this.#doneSinceCheckpoint >= this.#settings.getMaxCheckpointCount() ||
      (this.#doneSinceCheckpoint >= this.#settings.getMinCheckpointCount() &&
        Date.now() - this.#lastCheckpointAt >= this.#settings.getCheckpointAfterMs());
    if (isDue) void this.#writeCheckpoint();
  }

  /** In the log, as the real server does, and beside it, from where it is read again. */
  async #writeCheckpoint() {
    this.#doneSinceCheckpoint = 0;
    this.#lastCheckpointAt = Date.now();
    const unfinished = [...this.#inFlight.values()].filter(({ found }) => !found.link).map(({ found }) => found.event);
    const done = unfinished.reduce((least, { position }) => Math.min(least, position - 1), this.#taken);
    this.#saved = { ...this.#saved, done };
    const stream = `$persistentsubscription-${SOURCE}::${this.#name}-checkpoint`;
    const event = {
      id: randomId(),
      type: this.#isOld ? 'SubscriptionCheckpoint' : '$SubscriptionCheckpoint',
      isJson: true,
      data: Buffer.from(JSON.stringify(`C:${done}/P:${done}`)),
      metadata: Buffer.alloc(0),
    };
    await this.#log.write(() => {
      if (this.#log.stream(metastreamOf(stream)).last < 0) this.#log.setMetadata(stream, { $maxCount: 2 });
      this.#log.append(stream, ANY, [event]);
      this.#log.saveGroup(this.#name, this.#saved);
    });
  }
}
