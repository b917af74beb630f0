/** Numbered messages and checkpoints, so that a test can say which are missing, twice or out of order. */
import { makePosition } from '@timeline/kernel';
import type { PublicationCheckpoint, PublicMessage } from '../message-log.port.js';

export const checkpointAt = (number: number): PublicationCheckpoint => ({
  position: makePosition('0123456789ab', String(number).padStart(12, '0')),
  eventId: `event-${number}`,
});

/** The numbers in the `ce_id` headers (`id-7`), in the order read. */
export const numbersOf = (messages: readonly PublicMessage[], key?: string): number[] =>
  messages.filter((one) => key === undefined || one.key === key).map((one) => Number(one.headers['ce_id']?.slice(3)));

export const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);

/** How the numbers 1…total came through: all three are 0 when each was seen once and, per key, in order. */
export function audit(
  messages: readonly PublicMessage[],
  total: number,
): Record<'missing' | 'twice' | 'disordered', number> {
  const seen = new Set<number>();
  const last = new Map<string, number>();
  let twice = 0;
  let disordered = 0;
  for (const message of messages) {
    const [number = NaN] = numbersOf([message]);
    if (seen.has(number)) twice += 1;
    else if (number < (last.get(message.key) ?? 0)) disordered += 1;
    seen.add(number);
    last.set(message.key, number);
  }
  return { missing: upTo(total, 1).filter((number) => !seen.has(number)).length, twice, disordered };
}
