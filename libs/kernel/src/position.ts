/**
 * Where an event stands in its log: an opaque string, `{logId}:{offset}`, lexically ordered within one log.
 * The offset is the adapter's own (SQLite: the zero-padded row id; EventStoreDB: zero-padded commit and
 * prepare). It is never a number, and positions of different logs have no order.
 */
import { DomainError } from './errors.js';

declare const positionBrand: unique symbol;
export type Position = string & { readonly [positionBrand]: true };

/** The whole text; the log's id and the offset are captured. */
export const POSITION_SHAPE = /^([0-9a-f]{12}):([0-9]+(?:\.[0-9]+)?)$/;

export function makePosition(logId: string, offset: string): Position {
  // The one place where the brand is put on; the shape is checked where text comes in from outside.
  return `${logId}:${offset}` as Position;
}

export function logOf(position: Position): string {
  return position.slice(0, 12);
}

export function offsetOf(position: Position): string {
  return position.slice(13);
}

/** Reads a position that came from outside. @throws DomainError POSITION_MALFORMED, POSITION_OF_ANOTHER_LOG */
export function parsePosition(text: string, logId: string): Position {
  const match = POSITION_SHAPE.exec(text);
  if (!match) throw new DomainError('POSITION_MALFORMED', `"${text.slice(0, 80)}" is not a position of an event log`);
  if (match[1] !== logId) {
    throw new DomainError(
      'POSITION_OF_ANOTHER_LOG',
      `position ${text} belongs to log ${match[1]}, this is log ${logId}; start again from the beginning of this log`,
    );
  }
  return text as Position;
}

/** Negative when `a` comes first. Both must be of one log. */
export function comparePositions(a: Position, b: Position): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function maxPosition(a: Position | undefined, b: Position | undefined): Position | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a < b ? b : a;
}

/** Before every event of the log. For comparing only: no event stands there. */
export const beforeAll = (logId: string): Position => makePosition(logId, '0');

/**
 * Names the stretch of the log that a position is in: a thousand events (SQLite) or a megabyte (EventStoreDB, whose
 * offsets count bytes) long. The text order of stretches is the order of the log.
 */
export function stretchOf(position: Position): string {
  const [offset = '', prepare] = offsetOf(position).split('.');
  return makePosition(logOf(position), offset.slice(0, prepare === undefined ? -3 : -6));
}
