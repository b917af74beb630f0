/**
 * Kafka's answers, whole: each begins with its own length in four bytes (https://kafka.apache.org/protocol#protocol_common).
 *
 * kafkajs puts answers together itself, but in its connection, which outlives its sockets: half an answer of one that
 * was cut off is taken for the beginning of what the next one says, and the error that follows is nobody's to catch
 * (tulios/kafkajs#715). So a socket hands it whole answers only, and takes the half with it when it ends.
 */
import type { Socket } from 'node:net';

const LENGTH_BYTES = 4;
/** No broker's answer is longer: a fetch of ours asks for 10 MB. What says so is not a Kafka broker. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

type Listener = (...args: unknown[]) => void;

/** Whoever listens to the socket's data gets whole answers, one at a time; one that it throws at ends the socket. */
export function withWholeAnswers<S extends Socket>(socket: S): S {
  const on: (event: string, listener: Listener) => S = socket.on.bind(socket);
  const listen = (event: string, listener: Listener): S => {
    if (event !== 'data') return on(event, listener);
    const take = wholeAnswers(listener);
    return on(event, (chunk) => {
      try {
        // No encoding is set, so it is bytes.
        take(chunk as Buffer);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
  };
  return Object.assign(socket, { on: listen });
}

/** Takes what arrives, cut anywhere, and gives on each answer with its length, once it is whole. */
export function wholeAnswers(give: (answer: Buffer) => void): (chunk: Buffer) => void {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let neededBytes = LENGTH_BYTES;
  return (chunk) => {
    held.push(chunk);
    heldBytes += chunk.length;
    while (heldBytes >= neededBytes) {
      const bytes = held.length === 1 && held[0] ? held[0] : Buffer.concat(held);
      held = [bytes];
      const length = bytes.readInt32BE();
      if (length < 0 || length > MAX_ANSWER_BYTES) throw new RangeError(`no answer of Kafka has ${length} bytes`);
      neededBytes = LENGTH_BYTES + length;
      if (heldBytes < neededBytes) return;
      held = heldBytes > neededBytes ? [bytes.subarray(neededBytes)] : [];
      heldBytes -= neededBytes;
      const answer = bytes.subarray(0, neededBytes);
      neededBytes = LENGTH_BYTES;
      give(answer);
    }
  };
}
