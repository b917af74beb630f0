/** Waiting: exponential backoff with jitter, ended by a signal; and not waiting for ever. */
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

/** What `work` answers, or the error that `late` makes once `ms` have passed; the work itself goes on. */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.max(0, ms));
  });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
  }
}
