/** Chance that can be played again: the same seed and name give the same numbers (mulberry32). */
export class Random {
  #state = 0;

  constructor(seed: number, name = '') {
    for (const character of `${seed}/${name}`) {
      this.#state = Math.imul(this.#state ^ (character.codePointAt(0) ?? 0), 0x5bd1e995);
      this.#state ^= this.#state >>> 15;
    }
  }

  /** At least 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  isTrue(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of a list that is not empty. */
  oneOf<T>(items: readonly T[]): T {
    // Within the bounds.
    return items[this.whole(0, items.length - 1)] as T;
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
