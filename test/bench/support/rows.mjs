/** Rows of the result, one for each thing measured. */
import { isMet, median, ratioOf, rounded, summary } from './statistics.mjs';

/**
 * Ours beside raw. `figures`: `{ ours, raw }`, a figure a round. `aim` is of the ratio. `checked`: steady enough for
 * `--check`.
 */
export function compared({ id, what, against, unit, better = 'more', figures, aim, checked = false, ...more }) {
  const ours = figures.ours.map(valueOf);
  const raw = figures.raw.map(valueOf);
  const ratio = ratioOf(ours, raw, better);
  return {
    ...{ id, what, against, unit, better },
    ours: summary(ours),
    raw: summary(raw),
    ratio,
    ...cpuOf(figures),
    ...(aim && { aim, met: isMet({ aim, value: ratio.ratio }) }),
    checked,
    ...more,
  };
}

const valueOf = (figure) => figure.value ?? figure;

/** Processor time of a unit, in the sense of `ratio`: less than 1 where ours takes more. Only of sides that run in the path's process. */
function cpuOf({ ours, raw }) {
  const micros = (figures) => figures.flatMap(({ cpuMicros }) => cpuMicros ?? []);
  const sides = { ours: micros(ours), raw: micros(raw) };
  if (sides.ours.length !== ours.length || sides.raw.length !== raw.length) return {};
  const { ratio, best } = ratioOf(sides.raw, sides.ours, 'less');
  return { cpu: { unit: 'µs', ours: rounded(median(sides.ours)), raw: rounded(median(sides.raw)), ratio, best } };
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
