/**
 * Cursors of paged lists: where a page ended, sealed. A place may hold a person's name (what a list is sorted by), and
 * addresses end up in logs and histories; the document's id alone would not do, since by the next request the
 * document may have moved or be gone. Sealed with the list's name and filters as additional data (AES-256-GCM), a
 * cursor tells nobody anything and opens for its own list only. The key is random, in the key store, the same
 * for all processes and for good.
 */
import type { KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { canonicalJson, DomainError, type JsonValue } from '@timeline/kernel';
import { seal, unseal, type KeyRing } from '@timeline/key-store';
import type { Page, PageQuery } from './reading.js';

@Injectable()
export class Cursors {
  constructor(private readonly key: KeyObject) {}

  /** @throws FaultError KEY_UNOPENABLE; UnavailableError */
  static async load(ring: KeyRing): Promise<Cursors> {
    return new Cursors(await ring.secret('cursor'));
  }

  /** `filters`: all that decides what is in the list and in which order; `limit` and `cursor` may be among them. */
  of(list: string, filters: object = {}): ListCursors {
    const unsaid: Partial<Record<keyof PageQuery, undefined>> = { limit: undefined, cursor: undefined };
    const deciding = { ...filters, ...unsaid };
    return new ListCursors(this.key, `cursor:${list}:${canonicalJson(deciding)}`);
  }
}

/** A place by what a list is sorted by and what tells ties apart. */
export const isTwoTexts = (value: JsonValue): value is [string, string] =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');

export class ListCursors {
  constructor(
    private readonly key: KeyObject,
    private readonly place: string,
  ) {}

  /**
   * Where the page before ended; undefined for the first page.
   * @throws DomainError CURSOR_MALFORMED, also where the value is not what this list makes (`is`)
   */
  read<T extends JsonValue>(cursor: string | undefined, is: (value: JsonValue) => value is T): T | undefined {
    if (cursor === undefined) return undefined;
    const value = this.#open(cursor);
    if (value !== undefined && is(value)) return value;
    throw new DomainError(
      'CURSOR_MALFORMED',
      'this cursor is not one of this list with these filters in this order; send the filters that it was made with, or start again without it',
      { in: 'query', pointer: '/cursor' },
    );
  }

  /**
   * The page of a query for one item more than `limit`: whether there is that item says whether there is a next page.
   * `placeOf` is given the last item of this page.
   */
  page<T>(items: readonly T[], limit: number, placeOf: (last: T) => JsonValue): Page<T> {
    const page = items.slice(0, limit);
    const last = page.at(-1);
    return items.length > limit && last !== undefined ? this.upTo(page, placeOf(last)) : { items: page };
  }

  /** A page after which the list goes on behind `place`, however many items there are on it. */
  upTo<T>(items: readonly T[], place: JsonValue): Page<T> {
    return { items: [...items], next: this.#seal(place) };
  }

  #seal(value: JsonValue): string {
    return Buffer.from(seal(this.key, JSON.stringify(value), this.place), 'base64').toString('base64url');
  }

  #open(cursor: string): JsonValue | undefined {
    if (!/^[A-Za-z0-9_-]+$/.test(cursor)) return undefined;
    try {
      // What opens was sealed above.
      return JSON.parse(unseal(this.key, cursor, this.place).toString('utf8')) as JsonValue;
    } catch {
      return undefined;
    }
  }
}
