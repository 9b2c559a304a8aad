// rows.mjs: one figure and what it must be.
//
//   {name, value, unit, baseline, ratio, bound, must, ok}
//
//   value, baseline   ours and what it is held against, in `unit`; baseline null where there is none
//   ratio             value / baseline, or baseline / value for 'times faster' (its unit says which)
//   must              'value <=', 'ratio >=' or 'ratio <=' bound; null: the row is only shown, and ok
//   skipped           instead of value: why the case could not run
const round = (x, digits = 4) => (x === null ? null : Number(x.toPrecision(digits)));

export function row(name, unit, value, { baseline = null, ratio = baseline === null ? null : value / baseline, must = null, bound = null } = {}) {
  const judged = must?.startsWith('ratio') ? ratio : value;
  const ok = must === null || (must.endsWith('<=') ? judged <= bound : judged >= bound);
  return { name, value: round(value), unit, baseline: round(baseline), ratio: round(ratio), bound: round(bound), must, ok };
}
export const shown = (name, unit, value, baseline = null) => row(name, unit, value, { baseline });
export const skipped = (name, reason) => ({ name, value: null, unit: '', baseline: null, ratio: null, bound: null, must: null, ok: true, skipped: reason });

// A case that cannot run here: the reason becomes its row.
export class Skip extends Error {}

const number = (x) => (x === null ? '' : x >= 1000 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 0.095 ? x.toFixed(2) : x.toFixed(3));
const verdict = (r) => (r.skipped ? 'skipped' : r.must === null ? '' : r.ok ? 'held' : 'MISSED');
const must = (r) => (r.must === null ? '' : `${r.must.replace('<=', '≤').replace('>=', '≥')} ${number(r.bound)}`);
const cells = (r) => [r.name, r.skipped ? '' : `${number(r.value)} ${r.unit}`, r.baseline === null ? '' : `${number(r.baseline)} ${r.unit}`,
  number(r.ratio), must(r), verdict(r)];
export const kHead = ['case', 'value', 'beside it', 'ratio', 'must', ''];

// Rows as they come, for the terminal.
const kWidths = [50, 12, 12, 8, 15];
const line = (texts) => texts.map((text, i) => (i === 0 ? text.padEnd(kWidths[0]) : i < 5 ? text.padStart(kWidths[i]) : `  ${text}`)).join('').trimEnd();
export const head_line = () => line(kHead);
export const row_line = (r) => line(cells(r)) + (r.skipped ? `: ${r.skipped}` : '');

export const markdown_table = (rows) => [
  `| ${kHead.join(' | ')} |`, '|---|--:|--:|--:|--:|---|',
  ...rows.map((r) => `| ${cells({ ...r, name: r.name.slice(r.name.indexOf('/') + 1) }).join(' | ')}${r.skipped ? `: ${r.skipped}` : ''} |`),
].join('\n');
