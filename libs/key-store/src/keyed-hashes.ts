/**
 * Hashes with random keys that never leave the key store: without the key nobody can try out e-mail addresses or
 * bodies against what stands in the log. The keys stay the same for good, so equal values meet in one hash.
 */
import { createHmac } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { KeyRing } from './key-ring.js';

/** 128 bits: no two values of one product will ever meet by chance, and stream names stay short. */
const HEX_DIGITS = 32;

export class KeyedHashes {
  private constructor(
    private readonly bodyKey: KeyObject,
    private readonly identityKey: KeyObject,
  ) {}

  /** @throws FaultError KEY_UNOPENABLE; UnavailableError */
  static async load(ring: KeyRing): Promise<KeyedHashes> {
    const [bodyKey, identityKey] = await Promise.all([ring.secret('body-hash'), ring.secret('identity-hash')]);
    return new KeyedHashes(bodyKey, identityKey);
  }

  /** Of a command's body in canonical JSON; 32 hex digits of HMAC-SHA-256. */
  hashBody(canonicalBody: string): string {
    return hmac(this.bodyKey, canonicalBody);
  }

  /** Of an identity, e.g. (`email`, normalised address): names its stream. 32 hex digits of HMAC-SHA-256. */
  hashIdentity(kind: string, normalisedValue: string): string {
    return hmac(this.identityKey, `${kind.length}:${kind}${normalisedValue}`);
  }
}

const hmac = (key: KeyObject, text: string): string =>
  createHmac('sha256', key).update(text).digest('hex').slice(0, HEX_DIGITS);
