/** What figures of several rounds say, and whether a ratio has been lost since the last committed result. Pure. */

export function percentile(values, share) {
  if (values.length === 0) throw new RangeError('there is no percentile of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

export function median(values) {
  if (values.length === 0) throw new RangeError('there is no median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Four digits are more than any round is worth. */
export const rounded = (value) => (value === 0 ? 0 : Number(value.toPrecision(4)));

export const summary = (values) => ({
  median: rounded(median(values)),
  least: rounded(Math.min(...values)),
  most: rounded(Math.max(...values)),
  rounds: values.map(rounded),
});

/**
 * Ours divided by raw. `ratio`: the median over pairs that ran next to each other, so that what slows the machine for a
 * while slows both of a pair. `best`: of the best rounds of each, which noise cannot better: this is what `--check` compares.
 * @param better whether `more` (a speed) or `less` (a time) is better
 */
export function ratioOf(ours, raw, better = 'more') {
  if (ours.length !== raw.length) throw new RangeError('rounds come in pairs');
  const pairs = ours.map((value, round) => value / raw[round]);
  const best = better === 'more' ? Math.max : Math.min;
  return {
    ratio: rounded(median(pairs)),
    least: rounded(Math.min(...pairs)),
    most: rounded(Math.max(...pairs)),
    best: rounded(best(...ours) / best(...raw)),
  };
}

/** Undefined where there is no aim. */
export function isMet({ aim, value }) {
  if (aim?.atLeast !== undefined) return value >= aim.atLeast;
  if (aim?.atMost !== undefined) return value <= aim.atMost;
  return undefined;
}

/** What part of a committed ratio may be lost before the check fails. */
export const LOSS = 0.2;
/** Of the clock alone, where the processor's time says that nothing was lost: an idle wait that was not there before. */
export const LOSS_OF_CLOCK = 2 / 3;

/**
 * Rows as they were committed beside those of this run, by `id`. Only ratios are looked at, never times. Where processor
 * time was measured too, what is lost must be lost by both, since the clock tells what others on the machine do as
 * well; or by the clock so much that it cannot be them. A row that was committed and was not measured now is `missing` when its
 * path ran (`paths`), which fails too: what is not measured any more is not known to be kept.
 */
export function verdictsOf(committed, measured, paths) {
  const now = new Map(measured.map((row) => [row.id, row]));
  const verdicts = [];
  for (const before of committed) {
    if (!before.checked || !paths.includes(before.path)) continue;
    const { id, path } = before;
    const row = now.get(id);
    now.delete(id);
    const was = before.ratio.best;
    if (!row?.ratio) {
      verdicts.push({ id, path, was, kind: 'missing' });
      continue;
    }
    const is = row.ratio.best;
    const kept = before.better === 'less' ? was / is : is / was;
    const keptOfCpu = before.cpu && row.cpu ? row.cpu.best / before.cpu.best : kept;
    const isLost = Math.max(kept, keptOfCpu) < 1 - LOSS || kept < 1 - LOSS_OF_CLOCK;
    verdicts.push({
      id,
      path,
      was,
      is,
      kept: rounded(kept),
      keptOfCpu: rounded(keptOfCpu),
      kind: isLost ? 'lost' : 'kept',
    });
  }
  for (const row of now.values())
    if (row.checked && paths.includes(row.path))
      verdicts.push({ id: row.id, path: row.path, is: row.ratio.best, kind: 'new' });
  return verdicts;
}

export const hasFailed = (verdicts) =>
  verdicts.length === 0 || verdicts.some(({ kind }) => kind === 'lost' || kind === 'missing');

/**
 * The committed rows with those of the paths that ran in place of theirs, in the order of `paths`; rows of other paths than
 * those are gone. What could not be measured this time keeps the figure of the time it was.
 */
export function renewed(committed, measured, paths) {
  const ran = new Set(measured.map(({ path }) => path));
  const others = committed.filter(({ path }) => !ran.has(path) && paths.includes(path));
  const now = measured.map((row) =>
    row.error === undefined ? row : (committed.find(({ id, path }) => id === row.id && path === row.path) ?? row),
  );
  return [...others, ...now].sort((a, b) => paths.indexOf(a.path) - paths.indexOf(b.path));
}

/** The best of two runs of a path, row by row: a loss that is real shows in both. */
export function betterOf(rows, again) {
  return rows.map((row) => {
    const other = again.find(({ id }) => id === row.id);
    if (!row.ratio || !other?.ratio) return row;
    const best = row.better === 'less' ? Math.min : Math.max;
    return {
      ...row,
      ratio: { ...row.ratio, best: best(row.ratio.best, other.ratio.best) },
      ...(row.cpu && other.cpu && { cpu: { ...row.cpu, best: Math.max(row.cpu.best, other.cpu.best) } }),
    };
  });
}
