/** Lets so many through in one turn of the event loop, first come first served. */
export class Turnstile {
  #left: number;
  readonly #waiting: (() => void)[] = [];
  #isTurning = false;

  constructor(private readonly perTurn: number) {
    this.#left = perTurn;
  }

  async enter(): Promise<void> {
    if (!this.#isTurning) {
      this.#isTurning = true;
      setImmediate(this.#turn);
    }
    if (this.#left === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#left -= 1;
  }

  readonly #turn = (): void => {
    const next = this.#waiting.splice(0, this.perTurn);
    this.#left = this.perTurn - next.length;
    this.#isTurning = next.length > 0;
    if (this.#isTurning) setImmediate(this.#turn);
    for (const letThrough of next) letThrough();
  };
}
