/** Pictures of metrics by Chart.js, in the colours of the page, dark or light. */
import { h } from './dom.js';
import { duration, intervalLabel, number, oneDecimal, words } from './format.js';

let loading;
/** Loaded when first wanted; `Chart` is global from then on. */
export function chartLibrary() {
  loading ??= new Promise((resolve, reject) => {
    const script = h('script', { src: '/console/vendor/chart.js' });
    script.addEventListener('load', resolve);
    script.addEventListener('error', () => {
      loading = undefined;
      script.remove();
      reject(new Error('the chart library could not be loaded; is the server running?'));
    });
    document.head.append(script);
  });
  return loading;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const still = window.matchMedia('(prefers-reduced-motion: reduce)');

/**
 * @param drawing { title, shape: 'score' | 'time', unit, points, interval, by }
 * @param signal ends the picture
 */
export function chart(drawing, signal) {
  const canvas = h('canvas', { role: 'img', 'aria-label': `${drawing.title}: a chart; its numbers are below` });
  const frame = h('div', { class: 'chart' }, canvas);
  let picture;
  const draw = () => {
    picture?.destroy();
    picture = new Chart(canvas, configuration(drawing));
  };
  // Chart.js measures the frame, so it must be in the page first.
  window.requestAnimationFrame(() => {
    if (signal.aborted) return;
    draw();
    dark.addEventListener('change', draw);
    signal.addEventListener('abort', () => {
      dark.removeEventListener('change', draw);
      picture?.destroy();
    });
  });
  return frame;
}

/** Of milliseconds, the unit that the largest value reads best in. */
function timeUnit(values) {
  const largest = Math.max(0, ...values.filter((value) => value !== null));
  if (largest >= 3 * 86_400_000) return { divisor: 86_400_000, name: 'days' };
  if (largest >= 2 * 3_600_000) return { divisor: 3_600_000, name: 'hours' };
  return { divisor: 60_000, name: 'minutes' };
}

function configuration(drawing) {
  const { points, by, shape, unit, interval } = drawing;
  const starts = [...new Set(points.map((point) => point.from))].sort();
  const parts = by ? grouped(drawing, starts) : shape === 'time' ? times(points) : score(points);
  const text = colour('text-faint');
  const grid = { color: colour('line'), drawTicks: false };
  const font = { family: getComputedStyle(document.body).fontFamily, size: 12 };
  const tick = { color: text, font, padding: 6 };
  const most = Math.max(1, ...points.map((point) => point.n));
  return {
    data: { labels: starts.map((from) => intervalLabel(from, interval)), datasets: parts.datasets },
    options: {
      responsive: true,
      maintainAspectRatio: false,
      animation: still.matches ? false : { duration: 300 },
      interaction: { mode: 'index', intersect: false },
      elements: {
        line: { cubicInterpolationMode: 'monotone', borderWidth: 2 },
        point: { radius: starts.length > 24 ? 0 : 3, hoverRadius: 5, hitRadius: 12 },
      },
      scales: {
        x: {
          grid: { display: false },
          border: { color: colour('line') },
          ticks: { ...tick, maxRotation: 0, autoSkipPadding: 16 },
        },
        // Of stacked axes the first is the lowest: the bars of n in a strip of their own, the lines above.
        ...(parts.hasCounts && {
          n: {
            stack: 'both',
            stackWeight: 1,
            // Room above, so that its number does not meet the lowest one of the lines.
            max: most * 1.4,
            beginAtZero: true,
            grid: { display: false },
            border: { display: false },
            afterBuildTicks: (axis) => (axis.ticks = [{ value: most }]),
            ticks: { ...tick, callback: (value) => number(value) },
            title: { display: true, color: text, font, text: 'n' },
          },
        }),
        y: {
          stack: 'both',
          stackWeight: 5,
          grid,
          border: { display: false },
          ticks: { ...tick, maxTicksLimit: 6, callback: (value) => number(value) },
          title: { display: true, color: text, font, text: parts.axis ?? unit },
          beginAtZero: shape === 'time',
          ...(isPercent(unit) && { max: 100 }),
        },
      },
      plugins: {
        legend: {
          align: 'start',
          labels: {
            color: colour('text'),
            font,
            boxHeight: 7,
            usePointStyle: true,
            pointStyleWidth: 12,
            filter: (item) => item.text !== '',
          },
        },
        tooltip: {
          backgroundColor: colour('tooltip'),
          titleColor: colour('tooltip-text'),
          bodyColor: colour('tooltip-text'),
          padding: 10,
          cornerRadius: 8,
          usePointStyle: true,
          filter: (item) => item.dataset.label !== '' && item.raw !== null,
          callbacks: { label: (item) => labelOf(item, drawing, starts) },
        },
      },
    },
  };
}

const isPercent = (unit) => unit === 'percent' || unit === '%';

function labelOf(item, { points, by, shape, unit }, starts) {
  const { dataset } = item;
  const point = points.find(({ from, group }) => from === starts[item.dataIndex] && (!by || group === dataset.group));
  if (!point) return dataset.label;
  if (dataset.yAxisID === 'n') return ` n: ${number(point.n)}`;
  const value =
    shape === 'time'
      ? duration(point.percentiles?.[dataset.percentile])
      : `${oneDecimal(point.value)}${isPercent(unit) ? ' %' : ''}`;
  const range =
    !by && point.confidence
      ? ` (95 %: ${oneDecimal(point.confidence.low)} to ${oneDecimal(point.confidence.high)})`
      : '';
  return ` ${dataset.label}: ${value}${range}${by ? `, n = ${number(point.n)}` : ''}`;
}

const counts = (points) => ({
  type: 'bar',
  label: 'n',
  yAxisID: 'n',
  data: points.map((point) => point.n),
  backgroundColor: colour('chart-bar'),
  borderRadius: 3,
  maxBarThickness: 26,
  pointStyle: 'rect',
  order: 9,
});

const line = (label, data, shade, more = {}) => ({
  type: 'line',
  yAxisID: 'y',
  label,
  data,
  borderColor: shade,
  backgroundColor: shade,
  pointBackgroundColor: shade,
  spanGaps: true,
  ...more,
});

function score(points) {
  const shade = colour('chart-1');
  const edge = { borderWidth: 0, pointRadius: 0, pointHoverRadius: 0, spanGaps: true, order: 5 };
  const hasBand = points.some((point) => point.confidence);
  return {
    hasCounts: true,
    datasets: [
      line(
        'Score',
        points.map((point) => point.value),
        shade,
        { order: 1 },
      ),
      ...(hasBand
        ? [
            // The band is drawn between the two: the second one fills to the one before it.
            line(
              '',
              points.map((point) => point.confidence?.low ?? null),
              shade,
              edge,
            ),
            line(
              '95 % interval',
              points.map((point) => point.confidence?.high ?? null),
              shade,
              {
                ...edge,
                fill: '-1',
                backgroundColor: colour('chart-band'),
                pointBackgroundColor: colour('chart-band'),
                pointStyle: 'rect',
              },
            ),
          ]
        : []),
      counts(points),
    ],
  };
}

function times(points) {
  const values = points.flatMap(({ percentiles }) => (percentiles ? [percentiles.p90] : []));
  const { divisor, name } = timeUnit(values);
  const of = (percentile) => points.map(({ percentiles }) => (percentiles ? percentiles[percentile] / divisor : null));
  return {
    axis: name,
    hasCounts: true,
    datasets: [
      line('Median', of('p50'), colour('chart-1'), { percentile: 'p50', order: 1 }),
      line('90 % within', of('p90'), colour('chart-2'), { percentile: 'p90', order: 2, borderDash: [5, 4] }),
      counts(points),
    ],
  };
}

function grouped({ points, shape }, starts) {
  const groups = [...new Set(points.filter((point) => point.n > 0).map((point) => point.group))].sort();
  const { divisor, name } = timeUnit(points.flatMap(({ percentiles }) => (percentiles ? [percentiles.p50] : [])));
  const valueOf = (point) => {
    if (!point || point.n === 0) return null;
    return shape === 'time' ? (point.percentiles ? point.percentiles.p50 / divisor : null) : point.value;
  };
  const byPlace = new Map(points.map((point) => [`${point.from} ${point.group}`, point]));
  return {
    axis: shape === 'time' ? `median, ${name}` : undefined,
    hasCounts: false,
    datasets: groups.map((group, index) => ({
      ...line(
        words(group),
        starts.map((from) => valueOf(byPlace.get(`${from} ${group}`))),
        colour(`chart-${(index % 7) + 1}`),
      ),
      group,
      percentile: 'p50',
      // Told apart without colour too.
      borderDash: index < 4 ? [] : [6, 4],
      pointStyle: ['circle', 'rect', 'triangle', 'rectRot'][index % 4],
    })),
  };
}
