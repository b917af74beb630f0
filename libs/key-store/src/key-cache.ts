/**
 * Data keys in the clear, kept for a bounded time: one lifetime after a key was destroyed no process answers it any
 * more, and an erasure is complete. So an entry lives from the moment at which the store was *asked*, use does not
 * prolong it, and it leaves the memory soon after its time whether anyone asks for it or not.
 */
import type { KeyObject } from 'node:crypto';

export const KEY_CACHE_LIFETIME_MS = 60_000;

export interface CachedKey {
  keyId: string;
  customerId: string;
  slot: string;
  key: KeyObject;
}

const SWEEPS_PER_LIFETIME = 4;

type Content = CachedKey | 'destroyed';

export class KeyCache {
  /** By key id, the least recently used first. */
  readonly #entries = new Map<string, { content: Content; expiresAt: number }>();
  readonly #byOwner = new Map<string, string>();
  #isSweepDue = false;

  /** `now` is a monotonic clock in milliseconds: a wall clock set back would prolong lives. */
  constructor(
    private readonly lifetimeMs: number,
    private readonly size: number,
    private readonly now: () => number,
  ) {}

  get(keyId: string): Content | undefined {
    const entry = this.#entries.get(keyId);
    if (!entry) return undefined;
    this.#entries.delete(keyId);
    if (entry.expiresAt <= this.now()) {
      this.#forgetOwner(entry.content);
      return undefined;
    }
    this.#entries.set(keyId, entry);
    return entry.content;
  }

  ofOwner(customerId: string, slot: string): CachedKey | undefined {
    const keyId = this.#byOwner.get(ownerOf(customerId, slot));
    const content = keyId === undefined ? undefined : this.get(keyId);
    return content === 'destroyed' ? undefined : content;
  }

  /** `askedAt`: when the store was asked for it. */
  set(keyId: string, content: Content, askedAt: number): void {
    const expiresAt = askedAt + this.lifetimeMs;
    if (expiresAt <= this.now()) return;
    this.#entries.delete(keyId);
    this.#entries.set(keyId, { content, expiresAt });
    if (content !== 'destroyed') this.#byOwner.set(ownerOf(content.customerId, content.slot), keyId);
    if (this.#entries.size > this.size) {
      for (const [oldest, entry] of this.#entries) {
        this.#drop(oldest, entry.content);
        break;
      }
    }
    this.#sweepLater();
  }

  forget(customerId: string): void {
    for (const [keyId, { content }] of this.#entries) {
      if (content !== 'destroyed' && content.customerId === customerId) this.#drop(keyId, content);
    }
  }

  #sweepLater(): void {
    if (this.#isSweepDue) return;
    this.#isSweepDue = true;
    setTimeout(() => {
      this.#isSweepDue = false;
      const now = this.now();
      for (const [keyId, { content, expiresAt }] of this.#entries) if (expiresAt <= now) this.#drop(keyId, content);
      if (this.#entries.size > 0) this.#sweepLater();
    }, this.lifetimeMs / SWEEPS_PER_LIFETIME).unref();
  }

  #drop(keyId: string, content: Content): void {
    this.#entries.delete(keyId);
    this.#forgetOwner(content);
  }

  #forgetOwner(content: Content): void {
    if (content !== 'destroyed') this.#byOwner.delete(ownerOf(content.customerId, content.slot));
  }
}

export const ownerOf = (customerId: string, slot: string): string => `${slot.length}:${slot}${customerId}`;
