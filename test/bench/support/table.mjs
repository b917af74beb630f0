/** What the run prints. */

const cell = (value) =>
  value === undefined ? '–' : typeof value === 'number' ? Number(value.toPrecision(3)).toLocaleString('en') : value;
const aimOf = ({ aim }) =>
  aim?.atLeast !== undefined ? `≥ ${aim.atLeast}` : aim?.atMost !== undefined ? `≤ ${aim.atMost}` : '–';
const metOf = ({ met }) => (met === undefined ? '–' : met ? 'met' : 'not met');

export function printHead() {
  console.log('| path | ours | raw | ratio (least–most) | aim | |\n| --- | --- | --- | --- | --- | --- |');
}

export function printRows(rows) {
  for (const row of rows) {
    const { what, error, ours, raw, ratio, cpu, value, unit } = row;
    if (error !== undefined) console.log(`| ${what} | not measured: ${error} |`);
    else
      console.log(
        `| ${what} | ${cell(ours?.median ?? value)} ${unit} | ${raw ? `${cell(raw.median)} ${unit}` : '–'} | ` +
          `${ratio ? `${cell(ratio.ratio)} (${cell(ratio.least)}–${cell(ratio.most)})${cpu ? `, of processor time ${cell(cpu.ratio)}` : ''}` : '–'} | ${aimOf(row)} | ${metOf(row)} |`,
      );
  }
}

export function printVerdicts(verdicts) {
  for (const { id, was, is, kept, keptOfCpu, kind } of verdicts)
    console.log(
      `${kind.padEnd(7)} ${id}: ratio ${cell(is)}, committed ${cell(was)}${kept === undefined ? '' : `, ${Math.round(kept * 100)} % kept, of processor time ${Math.round(keptOfCpu * 100)} %`}`,
    );
  if (verdicts.length === 0) console.log('nothing was compared: no ratio of these paths is committed');
}
