/** Waiting: exponential backoff with jitter, ended by a signal. */
export const delay = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });

/** Milliseconds to wait before try number `attempt` (0 first): 50 ms doubling to `limit`, half of it jitter. */
export function backoffMs(attempt: number, limit = 5_000): number {
  const full = Math.min(limit, 50 * 2 ** Math.min(attempt, 20));
  return full / 2 + Math.random() * (full / 2);
}
