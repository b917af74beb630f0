/** Ids. New ones derive from the command that made them, so that a resent command derives the same. */
import { randomUUID } from 'node:crypto';
import { v5 as uuidV5, validate } from 'uuid';

/** Namespace of every id this product derives. A constant for good: changing it would break resends. */
const NAMESPACE = '0d7f2b8e-6f0c-5d0a-9a54-5b1a8a3b7c11';

export const newId = (): string => randomUUID();

export const isUuid = (text: unknown): text is string => typeof text === 'string' && validate(text);

/** UUID v5 of the parts, each length-prefixed so that ("ab","c") and ("a","bc") differ. */
export function deriveId(...parts: (string | number)[]): string {
  return uuidV5(parts.map((part) => `${String(part).length}:${part}`).join(''), NAMESPACE);
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
