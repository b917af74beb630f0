/** Append (one call each and batched on one call), delete and tombstone. */
import { setTimeout } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { ANY, NO_STREAM, STREAM_EXISTS, uuidOf } from './log.mjs';
import {
  expectedRevisionOf,
  failure,
  GoogleEmpty,
  maximumAppendSizeExceeded,
  notReady,
  packedStatus,
  shared,
  sizeOf,
  streamDeleted,
  streamIdentifier,
  streamNameOf,
  streams,
  toNewRecord,
  wrongExpectedVersion,
} from './messages.mjs';

const MAX_APPEND_BYTES = 1_048_576;
const WRITE_TIMEOUT_MS = 2_000;
const REFUSED_BY_CODE = 3;

const totalSize = (events) => events.reduce((sum, event) => sum + sizeOf(event), 0);

/** Appends that are not yet on the disk: how often each was sent. */
const sendsUnderWay = new Map();

/**
 * Of the same append sent 20 times at once, between 1 and 19 were answered `DeadlineExceeded` after 2 s, though the events
 * are stored. Here it is every second one.
 * @param {() => Promise<T>} write @param {T} late @template T
 */
async function writeAmongRepeats({ stream, expected, events }, write, late) {
  const append = JSON.stringify([stream, expected, events.map(({ id }) => uuidOf(id))]);
  const sends = (sendsUnderWay.get(append) ?? 0) + 1;
  sendsUnderWay.set(append, sends);
  if (sends === 1) return write().finally(() => sendsUnderWay.delete(append));
  const result = await write();
  if (sends % 2 === 1) return result;
  await setTimeout(WRITE_TIMEOUT_MS);
  return late;
}

/**
 * @param {import('./log.mjs').Log} log
 * @param {{ isOld: boolean, isStopping: boolean }} node `isOld`: as 23.10, else as 24.6
 */
export const appendingHandlers = (log, node) => ({
  /** All appends of a client share one such call; requests belong together by their correlation id. */
  batchAppend(call) {
    /** Appends whose last part has not come yet. */
    const unfinished = new Map();
    let unanswered = 0;
    let isLast = false;
    const endWhenDone = () => isLast && unanswered === 0 && call.end();
    const answer = (request, fill) => {
      if (call.cancelled || call.destroyed) return;
      const response = new streams.BatchAppendResp();
      response.setCorrelationId(request.correlationId);
      response.setStreamIdentifier(streamIdentifier(request.stream));
      fill(response);
      call.write(response);
    };

    call.on('data', (message) => {
      const key = message.getCorrelationId().getString();
      const request = unfinished.get(key) ?? newRequest(message);
      unfinished.set(key, request);
      for (const proposed of message.getProposedMessagesList()) request.events.push(toNewRecord(proposed));
      if (!message.getIsFinal()) return;
      unfinished.delete(key);
      unanswered += 1;
      void appendBatch(log, node, request)
        .then(
          (fill) => answer(request, fill),
          (error) => {
            console.error(error);
            answer(request, (response) => response.setError(packedStatus(2, 'Unknown')));
          },
        )
        .finally(() => {
          unanswered -= 1;
          endWhenDone();
        });
      if (request.stream !== '' && request.events.includes(undefined)) {
        // The real server's second answer to the same request, which is the end of the client's process.
        void setTimeout(WRITE_TIMEOUT_MS, undefined, { ref: false }).then(() =>
          answer(request, (response) => response.setError(packedStatus(4, 'Timeout'))),
        );
      }
    });
    call.on('end', () => {
      isLast = true;
      endWhenDone();
    });
    call.on('error', () => undefined);
  },

  append(call, callback) {
    let options;
    const events = [];
    call.on('data', (message) => {
      if (message.hasOptions()) options = message.getOptions();
      else events.push(toNewRecord(message.getProposedMessage()));
    });
    call.on('error', () => undefined);
    call.on('end', async () => {
      const stream = streamNameOf(options?.getStreamIdentifier());
      if (stream === '' || events.includes(undefined)) {
        return callback(failure(status.INVALID_ARGUMENT, 'Exception was thrown by handler.'));
      }
      if (totalSize(events) > MAX_APPEND_BYTES) return callback(maximumAppendSizeExceeded(MAX_APPEND_BYTES));
      const expected = expectedRevisionOf(options, options.getRevision());
      try {
        const result = await log.write(() => log.append(stream, expected, events));
        if (result.kind === 'deleted') return callback(streamDeleted(stream));
        callback(null, result.kind === 'ok' ? appended(result) : refused(expected, result.current));
      } catch (error) {
        console.error(error);
        callback(failure(status.UNKNOWN, 'Exception was thrown by handler.'));
      }
    });
  },

  delete(call, callback) {
    remove(log, call, callback, streams.DeleteResp, (stream, expected) => log.delete(stream, expected));
  },

  tombstone(call, callback) {
    remove(log, call, callback, streams.TombstoneResp, (stream, expected) => log.tombstone(stream, expected));
  },
});

function newRequest(message) {
  const options = message.getOptions();
  return {
    correlationId: message.getCorrelationId(),
    stream: streamNameOf(options?.getStreamIdentifier()),
    expected: options ? expectedRevisionOf(options, options.getStreamPosition()) : ANY,
    deadline: options?.getDeadline()?.toDate().getTime() ?? Infinity,
    events: [],
  };
}

/** Answers what to fill the response with. */
async function appendBatch(log, node, request) {
  const { stream, expected, deadline, events } = request;
  if (node.isStopping && !node.isOld) return (response) => response.setError(notReady());
  const refuse = (code, name, fill) => (response) => response.setError(packedStatus(code, name, fill));
  if (stream === '' || events.includes(undefined)) return refuse(REFUSED_BY_CODE, 'BadRequest');
  if (totalSize(events) > MAX_APPEND_BYTES) {
    return refuse(REFUSED_BY_CODE, 'MaximumAppendSizeExceeded', (details) =>
      details.setMaxappendsize(MAX_APPEND_BYTES),
    );
  }
  const late = { kind: 'late' };
  const write = () => log.write(() => (Date.now() > deadline ? late : log.append(stream, expected, events)));
  const result = await writeAmongRepeats(request, write, late);
  switch (result.kind) {
    case 'late':
      return refuse(4, 'Timeout');
    case 'deleted':
      return refuse(9, 'StreamDeleted', (details) => details.setStreamIdentifier(streamIdentifier(stream)));
    case 'wrong':
      return refuse(9, 'WrongExpectedVersion', (details) => {
        if (result.current < 0) details.setCurrentNoStream(new GoogleEmpty());
        else details.setCurrentStreamRevision(String(result.current));
        if (expected === ANY) details.setExpectedAny(new GoogleEmpty());
        else if (expected === NO_STREAM) details.setExpectedNoStream(new GoogleEmpty());
        else if (expected === STREAM_EXISTS) details.setExpectedStreamExists(new GoogleEmpty());
        else details.setExpectedStreamPosition(String(expected));
      });
    default:
      return (response) => {
        const success = new streams.BatchAppendResp.Success();
        if (result.revision < 0) success.setNoStream(new GoogleEmpty());
        else success.setCurrentRevision(String(result.revision));
        if (result.position === undefined) success.setNoPosition(new GoogleEmpty());
        else {
          const position = new shared.AllStreamPosition();
          position.setCommitPosition(String(result.position));
          position.setPreparePosition(String(result.position));
          success.setPosition(position);
        }
        response.setSuccess(success);
      };
  }
}

function appended({ revision, position }) {
  const success = new streams.AppendResp.Success();
  if (revision < 0) success.setNoStream(new shared.Empty());
  else success.setCurrentRevision(String(revision));
  if (position === undefined) success.setNoPosition(new shared.Empty());
  else success.setPosition(bothAt(streams.AppendResp.Position, position));
  const response = new streams.AppendResp();
  response.setSuccess(success);
  return response;
}

function refused(expected, current) {
  const wrong = new streams.AppendResp.WrongExpectedVersion();
  if (current < 0) wrong.setCurrentNoStream(new shared.Empty());
  else wrong.setCurrentRevision(String(current));
  if (expected === ANY) wrong.setExpectedAny(new shared.Empty());
  else if (expected === NO_STREAM) wrong.setExpectedNoStream(new shared.Empty());
  else if (expected === STREAM_EXISTS) wrong.setExpectedStreamExists(new shared.Empty());
  else wrong.setExpectedRevision(String(expected));
  const response = new streams.AppendResp();
  response.setWrongExpectedVersion(wrong);
  return response;
}

async function remove(log, call, callback, Response, job) {
  const options = call.request.getOptions();
  const stream = streamNameOf(options.getStreamIdentifier());
  const expected = expectedRevisionOf(options, options.getRevision());
  try {
    const result = await log.write(() => job(stream, expected));
    if (result.kind === 'deleted') return callback(streamDeleted(stream));
    if (result.kind === 'wrong') return callback(wrongExpectedVersion(stream, expected, result.current));
    const response = new Response();
    response.setPosition(bothAt(Response.Position, result.position));
    callback(null, response);
  } catch (error) {
    console.error(error);
    callback(failure(status.UNKNOWN, 'Exception was thrown by handler.'));
  }
}

function bothAt(Position, position) {
  const message = new Position();
  message.setCommitPosition(String(position));
  message.setPreparePosition(String(position));
  return message;
}
