/** Work begun at its time, whether or not what came before is done: what a server's callers do. */

/**
 * Begins `work(n)` for 0…total-1, `perSecond` of them a second. Resolves when all are done.
 * `perSecond`: how many a second were really done. `left`: how many were not when the last one was begun.
 */
export async function inFlightOf({ perSecond, total }, work) {
  const started = performance.now();
  const failed = new AbortController();
  let error;
  let left = 0;
  const all = [];
  for (let n = 0; n < total && !failed.signal.aborted;) {
    const due = Math.min(total, Math.floor(((performance.now() - started) * perSecond) / 1000));
    for (; n < due; n += 1) {
      left += 1;
      const one = work(n).then(
        () => (left -= 1),
        (reason) => {
          error ??= reason;
          failed.abort();
        },
      );
      all.push(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const leftAtLast = left;
  await Promise.all(all);
  if (error) throw error;
  return { perSecond: Math.round((total * 1000) / (performance.now() - started)), left: leftAtLast };
}
