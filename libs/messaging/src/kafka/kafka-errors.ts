/** What kafkajs throws, in the port's words. The cause that counts is often nested: retries wrap it, aggregates list it. */
import { DomainError, FaultError, UnavailableError } from '@timeline/kernel';
import { FencedError } from '../message-log.port.js';

interface ProtocolError {
  type: string;
  message: string;
}

export function protocolError(error: unknown): ProtocolError | undefined {
  // A bound, because a cause may point back at its own error. By shape: Node's own errors are of another realm in Jest.
  for (let current = error, depth = 0; isObject(current) && depth < 6; depth += 1) {
    const { type, message, errors, cause } = current;
    if (typeof type === 'string') return { type, message: String(message) };
    current = Array.isArray(errors) && errors.length > 0 ? errors[0] : cause;
  }
  return undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Codes 47 and 90; kafkajs 2 knows the second by number only. */
const isFencing = ({ type, message }: ProtocolError): boolean =>
  type === 'INVALID_PRODUCER_EPOCH' || type === 'PRODUCER_FENCED' || /error code 90\b/i.test(message);

export function translate(error: unknown, doing: string): Error {
  if (error instanceof FencedError || error instanceof UnavailableError) return error;
  if (error instanceof FaultError || error instanceof DomainError) return error;
  const cause = protocolError(error);
  if (cause && isFencing(cause)) {
    return new FencedError('another relay has taken this publication over, or its transaction was given up by Kafka');
  }
  if (cause?.type === 'MESSAGE_TOO_LARGE' || cause?.type === 'RECORD_LIST_TOO_LARGE') {
    return new FaultError(
      'BROKER_MESSAGE_LIMIT',
      'Kafka refused a send of 512 KiB as too large; set max.message.bytes of its topics to 1048588 (the default) or more',
      { cause: error },
    );
  }
  const what = cause ? `${cause.type}: ${cause.message}` : isObject(error) ? String(error['message']) : 'unknown error';
  return new UnavailableError('kafka', `${doing} failed (${what})`, { cause: error });
}
