/**
 * Group commit: calls that come in the same turn of the event loop, or while a batch is under way, run together.
 * An import makes thousands of keys; one transaction and one wait for the disk serve hundreds of them.
 */
export class Batcher<Item, Answer> {
  readonly #run: (items: Item[]) => Promise<Answer[]>;
  readonly #limit: number;
  readonly #waiting: { item: Item; resolve: (answer: Answer) => void; reject: (error: unknown) => void }[] = [];
  #draining: Promise<void> | undefined;

  /** `run` answers in the order of its items; if it throws, every caller of that batch gets the error. */
  constructor(run: (items: Item[]) => Promise<Answer[]>, limit: number) {
    this.#run = run;
    this.#limit = limit;
  }

  add(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves once everything added so far is answered. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    do {
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#waiting.splice(0, this.#limit);
      try {
        const answers = await this.#run(batch.map(({ item }) => item));
        // `run` answers every item, so there is one answer at each index.
        batch.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    } while (this.#waiting.length > 0);
    this.#draining = undefined;
  }
}
