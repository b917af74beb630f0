/** Wakes those who wait for new events: told by commits of this process, found by polling for those of others. */
export class Wakeup {
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  /** `hasChanged` is asked every `pollMs` while someone waits; it answers true once for each change by others. */
  constructor(
    private readonly pollMs: number,
    private readonly hasChanged: () => boolean,
  ) {}

  /** Resolves at the next change, or when the signal ends the wait. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        if (this.#waiting.size === 0) this.#stop();
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
      this.#timer ??= setInterval(() => this.#poll(), this.pollMs).unref();
    });
  }

  notify(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #poll(): void {
    let hasChanged: boolean;
    try {
      hasChanged = this.hasChanged();
    } catch {
      // Nobody hears an error thrown from a timer. Whoever waits looks for itself and meets it.
      hasChanged = true;
    }
    if (hasChanged) this.notify();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
