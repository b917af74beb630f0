/** Runs work that shares a key one after the other, other work side by side. Holds nothing for idle keys. */
export class InTurn {
  /** What ends with the last work of each key, and never rejects. */
  readonly #tails = new Map<string, Promise<void>>();

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = this.#tails.get(key)?.then(work) ?? work();
    const leave = (): void => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    const tail = result.then(leave, leave);
    this.#tails.set(key, tail);
    return result;
  }
}
