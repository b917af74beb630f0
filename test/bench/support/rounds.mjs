/** Rounds of two sides in turn, ours/raw/ours/raw, so that what disturbs the machine disturbs both. */

/**
 * Each side answers its figure: `{ value, cpuMicros? }`, or the value alone. `warmUp`: rounds before those that count.
 * @returns {Promise<{ ours: Figure[], raw: Figure[] }>}
 */
export async function interleaved({ rounds, warmUp = 1, ours, raw }) {
  const figures = { ours: [], raw: [] };
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const [side, work] of Object.entries({ ours, raw })) {
      // What one side left behind is not collected at the other's expense.
      globalThis.gc?.();
      const figure = await work(round + warmUp);
      if (round >= 0) figures[side].push(figure);
    }
  }
  return figures;
}

/** Does `work` for every item, `width` of them under way at a time. */
export async function inFlight(width, items, work) {
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next;
      next += 1;
      await work(items[at], at);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/**
 * Units a second, and what a unit costs of this process's processor time (µs), which others on the machine disturb far less
 * than they disturb the clock. What a server does for it is not in it.
 */
export async function speedOf(units, work) {
  const started = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { value: (units * 1000) / (performance.now() - started), cpuMicros: (user + system) / units };
}
