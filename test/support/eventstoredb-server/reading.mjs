/**
 * Reads and subscriptions, of a stream and of the whole log. Reads start at what they are given, subscriptions after
 * it. A subscription reads the log until nothing is left ("caught up"), then waits for the next commit, and so on.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { TOMBSTONE } from './log.mjs';
import { failure, matcherOf, readEvent, streamDeleted, streamIdentifier, streamNameOf, streams } from './messages.mjs';
import { Sending } from './sending.mjs';

const { ReadResp } = streams;
const { BACKWARDS } = streams.ReadReq.Options.ReadDirection;
/** More than this unread while live is too slow. */
const LIVE_BUFFER = 32;
const DEFAULT_WINDOW = 32;

const TOO_SLOW = failure(
  status.ABORTED,
  'Consumer too slow to handle event while live. Client resubscription required.',
);

/** @param {import('./log.mjs').Log} log @param {{ isOld: boolean }} version `isOld`: as 23.10, else as 24.6 */
export const readingHandlers = (log, version) => ({
  async read(call) {
    const sending = new Sending(call);
    const options = call.request.getOptions();
    try {
      if (options.hasSubscription())
        await (options.hasAll() ? subscribeToAll : subscribeToStream)(log, sending, options, version);
      else await (options.hasAll() ? readAll : readStream)(log, sending, options, version);
    } catch (error) {
      if (!isFailure(error)) console.error(error);
      sending.fail(isFailure(error) ? error : failure(status.UNKNOWN, 'Exception was thrown by handler.'));
    }
  },
});

const isFailure = (error) => typeof error?.code === 'number' && 'metadata' in error;

// ── reads ─────────────────────────────────────────────────────────────────────────────────────────

async function readStream(log, sending, options) {
  const asked = options.getStream();
  const stream = streamNameOf(asked.getStreamIdentifier());
  const backwards = options.getReadDirection() === BACKWARDS;
  let left = Number(options.getCount());
  if (left === 0 || (asked.hasEnd() && !backwards)) {
    throw failure(status.UNKNOWN, 'Unexpected ReadStreamResult: Error');
  }
  const { last, tombstoned, softDeleted, first, since } = log.stream(stream);
  if (tombstoned) throw streamDeleted(stream);
  if (last < 0 || softDeleted) {
    const notFound = new ReadResp.StreamNotFound();
    notFound.setStreamIdentifier(streamIdentifier(stream));
    await sending.send(response('StreamNotFound', notFound));
    return sending.end();
  }
  let from = asked.hasStart() ? 0 : asked.hasEnd() ? last : Number(asked.getRevision());
  // As the stream was when the read began.
  if (!backwards) from = Math.max(from, first);
  while (left > 0 && !sending.isOver) {
    const found = backwards ? log.streamBackwards(stream, from, left) : log.streamForwards(stream, from, left);
    const wanted = found.filter(({ revision }) => revision >= first && revision <= last);
    for (const record of wanted) {
      if (record.created < since) continue;
      await sending.send(eventResponse(resolved(log, record, options)));
      if (--left === 0) break;
    }
    if (found.length === 0 || wanted.length < found.length) break;
    from = found.at(-1).revision + (backwards ? -1 : 1);
  }
  sending.end();
}

async function readAll(log, sending, options, version) {
  const backwards = options.getReadDirection() === BACKWARDS;
  let left = Number(options.getCount());
  // Measured: the server never answers.
  if (left === 0) return;
  const matches = matching(options);
  const head = log.head;
  let from = startOfRead(log, options.getAll(), backwards, version);
  while (left > 0 && !sending.isOver) {
    const found = backwards ? log.before(from) : log.after(from);
    for (const record of found) {
      from = record.position;
      if (from > head) break;
      if (!matches(record)) continue;
      await sending.send(eventResponse(resolved(log, record, options)));
      if (--left === 0) break;
    }
    if (found.length === 0 || from > head) break;
    await setImmediate();
  }
  sending.end();
}

/** Forwards with the record at the position, backwards without; answered as "after" or "before" this. */
function startOfRead(log, asked, backwards, { isOld }) {
  if (asked.hasStart()) return 0;
  if (asked.hasEnd()) return backwards ? Infinity : log.head;
  const { commit, prepare } = positionOf(asked);
  if (commit > log.head || commit === 0) return commit;
  if (prepare !== commit || !log.startsAt(commit)) {
    throw failure(status.UNKNOWN, `Unexpected ReadAllResult: ${isOld ? 'Error' : 'InvalidPosition'}`);
  }
  return backwards ? commit : commit - 1;
}

function positionOf(asked) {
  const commit = Number(asked.getPosition().getCommitPosition());
  const prepare = Number(asked.getPosition().getPreparePosition());
  if (commit < prepare) throw failure(status.UNKNOWN, 'Exception was thrown by handler.');
  return { commit, prepare };
}

/** A `$>` record is a link: its data say `revision@stream`. */
export function resolved(log, record, options) {
  if (!options.getResolveLinks() || record.type !== '$>') return { event: record };
  const [, revision, stream] = /^(\d+)@(.*)$/s.exec(record.data.toString('utf8')) ?? [];
  if (stream === undefined) return { event: record };
  const { first, softDeleted, tombstoned } = log.stream(stream);
  const [event] = log.streamForwards(stream, Number(revision), 1);
  const isThere = event?.revision === Number(revision) && event.revision >= first && !softDeleted && !tombstoned;
  return { event: isThere ? event : undefined, link: record };
}

export function matching(options) {
  try {
    return matcherOf(options);
  } catch {
    throw failure(status.UNKNOWN, 'Exception was thrown by handler.');
  }
}

// ── subscriptions ─────────────────────────────────────────────────────────────────────────────────

async function confirm(sending) {
  const confirmation = new ReadResp.SubscriptionConfirmation();
  confirmation.setSubscriptionId(randomUUID());
  await sending.send(response('Confirmation', confirmation));
}

/**
 * What happens to a subscriber that is live and does not read: 23.10 drops it, 24.6 reads for it from the log again.
 * `unread`: how much there is for it, at least as much as would be too much.
 */
function liveness(sending, { isOld }, unread) {
  const state = { isLive: false, whenSlow: undefined };
  state.whenSlow = () => {
    if (!state.isLive || unread() <= LIVE_BUFFER) return;
    if (isOld) sending.fail(TOO_SLOW);
    else state.isLive = false;
  };
  return state;
}

async function subscribeToStream(log, sending, options, version) {
  const asked = options.getStream();
  const stream = streamNameOf(asked.getStreamIdentifier());
  const { last, tombstoned } = log.stream(stream);
  if (tombstoned) throw streamDeleted(stream);
  await confirm(sending);
  let revision = asked.hasStart() ? -1 : asked.hasEnd() ? last : Number(asked.getRevision());
  const state = liveness(sending, version, () => log.streamForwards(stream, revision + 1, LIVE_BUFFER + 1).length);
  while (!sending.isOver) {
    const found = log.streamForwards(stream, revision + 1);
    const { first, since } = log.stream(stream);
    for (const record of found) {
      revision = record.revision;
      const isHidden = record.revision < first || record.created < since;
      if (isHidden && !state.isLive) continue;
      await sending.send(eventResponse(resolved(log, record, options)), state.whenSlow);
      if (sending.isOver) return;
      if (revision === TOMBSTONE) throw streamDeleted(stream);
    }
    if (found.length > 0) continue;
    // 23.10 does not call a subscriber of a stream that is not there caught up.
    if (!state.isLive && !(version.isOld && log.stream(stream).last < 0)) {
      state.isLive = true;
      await sending.send(response('CaughtUp', new ReadResp.CaughtUp()));
    } else {
      await log.changed(sending.signal);
    }
  }
}

async function subscribeToAll(log, sending, options, version) {
  const matches = matching(options);
  const filter = options.hasFilter() ? options.getFilter() : undefined;
  const interval =
    (filter?.hasMax() ? filter.getMax() : DEFAULT_WINDOW) * Math.max(1, filter?.getCheckpointintervalmultiplier() ?? 1);
  const start = startOfSubscription(log, options.getAll(), version);
  let position = start.after;
  let examined = 0;
  const checkpoint = async (commit, prepare) => {
    if (filter) await sending.send(checkpointResponse(commit, prepare), state.whenSlow);
  };
  const state = liveness(sending, version, () => log.after(position).filter(matches).length);

  await confirm(sending);
  if (options.getAll().hasStart()) await checkpoint(0, 0);
  else if (start.given && !version.isOld) await checkpoint(start.given.commit, start.given.prepare);
  while (!sending.isOver) {
    const found = log.after(position);
    for (const record of found) {
      position = record.position;
      examined += 1;
      const isWanted = matches(record);
      if (isWanted) await sending.send(eventResponse(resolved(log, record, options)), state.whenSlow);
      if (sending.isOver) return;
      if (examined % interval === 0) await checkpoint(position, state.isLive || isWanted ? position : 0);
    }
    if (found.length > 0) {
      await setImmediate();
    } else if (!state.isLive) {
      state.isLive = true;
      if (!version.isOld) await checkpoint(position, position);
      await sending.send(response('CaughtUp', new ReadResp.CaughtUp()));
    } else {
      await log.changed(sending.signal);
    }
  }
}

function startOfSubscription(log, asked, { isOld }) {
  if (asked.hasStart()) return { after: 0 };
  if (asked.hasEnd()) return { after: log.head };
  const given = positionOf(asked);
  const { commit, prepare } = given;
  // Nothing can be delivered before the log gets there; 23.10 goes on from its end.
  if (commit > log.head) return { after: isOld ? log.head : commit, given };
  if (commit > 0 && !log.startsAt(commit)) {
    throw isOld
      ? failure(status.UNKNOWN, 'Unexpected ReadAllResult: Error')
      : failure(status.INVALID_ARGUMENT, 'Trying to read from an invalid position.');
  }
  // With the prepare of a checkpoint, `commit/0`, the record at `commit` is still to come.
  return { after: prepare < commit ? commit - 1 : commit, given };
}

// ── answers ───────────────────────────────────────────────────────────────────────────────────────

function response(kind, content) {
  const message = new ReadResp();
  message[`set${kind}`](content);
  return message;
}

const eventResponse = (found) => response('Event', readEvent(ReadResp.ReadEvent, found));

function checkpointResponse(commit, prepare) {
  const checkpoint = new ReadResp.Checkpoint();
  checkpoint.setCommitPosition(String(commit));
  checkpoint.setPreparePosition(String(prepare));
  return response('Checkpoint', checkpoint);
}
