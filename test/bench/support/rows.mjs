/** Rows of the result, one for each thing measured. */
import { isMet, ratioOf, rounded, summary } from './statistics.mjs';

/**
 * Ours beside raw. `figures`: `{ ours, raw }`, a figure a round. `aim` is of the ratio. `checked`: steady enough for
 * `--check`.
 */
export function compared({ id, what, against, unit, better = 'more', figures, aim, checked = false, ...more }) {
  const ratio = ratioOf(figures.ours, figures.raw, better);
  return {
    ...{ id, what, against, unit, better },
    ours: summary(figures.ours),
    raw: summary(figures.raw),
    ratio,
    ...(aim && { aim, met: isMet({ aim, value: ratio.ratio }) }),
    checked,
    ...more,
  };
}

/** A figure with nothing beside it. `aim` is of the figure; times are told as met or not, nothing fails by them. */
export function alone({ id, what, unit, value, aim, ...more }) {
  return {
    id,
    what,
    unit,
    value: rounded(value),
    ...(aim && { aim, met: isMet({ aim, value }) }),
    checked: false,
    ...more,
  };
}

/** What could not be measured, with the reason as it was said. */
export const unmeasured = ({ id, what, error, ...more }) => ({
  id,
  what,
  error: String(error?.message ?? error),
  checked: false,
  ...more,
});
