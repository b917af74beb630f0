/**
 * A signal that aborts when one of two does. `release` lets go of both: `AbortSignal.any` keeps something on a
 * long-lived signal for every short-lived use of it.
 */
export function eitherSignal(one: AbortSignal, other?: AbortSignal): { signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (one.aborted || other?.aborted) abort();
  one.addEventListener('abort', abort, { once: true });
  other?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    release() {
      one.removeEventListener('abort', abort);
      other?.removeEventListener('abort', abort);
    },
  };
}
