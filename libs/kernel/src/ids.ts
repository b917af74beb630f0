/** Ids. New ones derive from the command that made them, so that a resent command derives the same. */
import { hash, randomUUID } from 'node:crypto';
import { validate } from 'uuid';

/** Namespace of every id this product derives. A constant for good: changing it would break resends. */
const NAMESPACE = Buffer.from('0d7f2b8e6f0c5d0a9a545b1a8a3b7c11', 'hex');

export const newId = (): string => randomUUID();

export const isUuid = (text: unknown): text is string => typeof text === 'string' && validate(text);

/** UUID v5 of the parts, each length-prefixed so that ("ab","c") and ("a","bc") differ. */
export function deriveId(...parts: (string | number)[]): string {
  let name = '';
  for (const part of parts) name += `${String(part).length}:${part}`;
  return uuidV5(name);
}

/** Characters that fit into `scratch`, each of three bytes at most. */
const SHORT_NAME = 500;
const scratch = Buffer.concat([NAMESPACE, Buffer.alloc(3 * SHORT_NAME)]);

/** RFC 9562, 5.5. Of its own, since every command derives three: `uuid` takes four times as long, byte by byte. */
function uuidV5(name: string): string {
  const isShort = name.length <= SHORT_NAME;
  const bytes = isShort
    ? scratch.subarray(0, NAMESPACE.length + scratch.write(name, NAMESPACE.length))
    : Buffer.concat([NAMESPACE, Buffer.from(name)]);
  const hex = hash('sha1', bytes, 'hex');
  const variant = '89ab'[parseInt(hex.charAt(16), 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Identity of a command: the same caller, type, target and key is the same command however it comes in. */
export function commandIdOf(command: { caller: string; type: string; target: string; key: string }): string {
  return deriveId('command', command.caller, command.type, command.target, command.key);
}

/**
 * The body's hash is part of it: two commands that race under one `Idempotency-Key` with different bodies must not look
 * like one event sent twice to the store, which would answer the second as if its body had been recorded.
 */
export const eventIdOf = (command: { commandId: string; bodyHash: string }, stream: string, index: number): string =>
  deriveId('event', command.commandId, command.bodyHash, stream, index);
