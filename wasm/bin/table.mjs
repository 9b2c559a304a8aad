// What people read on stdout; tools/whittle/table.cc prints the same text.

const CAUSES = 10;
const TENSORS = 6;
const NOTES = 8;

// As human_bytes() of text.h: "712 B", "3.1 MB", "436 MB"; MB is 10^6 bytes.
export function humanBytes(bytes) {
  if (bytes < 0) return `-${humanBytes(-bytes)}`;
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  let unit = 1000, name = 0;
  while (name + 1 < units.length && bytes >= unit * 1000 - unit / 2) {
    unit *= 1000;
    ++name;
  }
  const tenths = Math.floor(bytes / unit) * 10 + Math.floor(((bytes % unit) + unit / 20) / (unit / 10));
  if (tenths < 1000) return `${Math.floor(tenths / 10)}.${tenths % 10} ${units[name]}`;
  return `${Math.floor(bytes / unit) + (bytes % unit >= unit / 2 ? 1 : 0)} ${units[name]}`;
}

// Names come from files: control characters would drive the terminal.
const shown = (text) => String(text).replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?');
const oneDecimal = (value) => {
  const tenths = Math.floor(Math.abs(value) * 10 + 0.5);
  return `${value < 0 && tenths > 0 ? '-' : ''}${Math.floor(tenths / 10)}.${tenths % 10}`;
};
const percent = (part, whole) => (whole > 0 ? `${Math.floor((part / whole) * 100 + 0.5)} %` : '-');

class Text {
  constructor(stream) {
    this.out = '';
    this.colours = Boolean(stream?.isTTY) && !process.env.NO_COLOR;
  }
  line(text = '') { this.out += `${text}\n`; }
  strong(text) { return this.colours ? `\x1b[1m${text}\x1b[0m` : text; }
  faint(text) { return this.colours ? `\x1b[2m${text}\x1b[0m` : text; }

  // Rows of cells below a heading; the first column is left-aligned and at most 56 characters wide.
  table(heading, rows) {
    if (rows.length === 0) return;
    const cells = [heading, ...rows.map(([first, ...rest]) => [`  ${shorten(first)}`, ...rest])];
    const widths = heading.map((_, column) => Math.max(...cells.map((row) => [...row[column]].length)));
    cells.forEach((row, index) => {
      const line = row.map((cell, column) => {
        const fill = ' '.repeat(widths[column] - [...cell].length);
        return column === 0 ? cell + fill : fill + cell;
      }).join('  ').trimEnd();
      this.line(index === 0 ? this.faint(line) : line);
    });
  }
  more(count, all) { if (all > count) this.line(`  … and ${all - count} more`); }
  notes(list, word) {
    for (const note of list.slice(0, NOTES)) this.line(`${word}: ${shown(note)}`);
    if (list.length > NOTES) this.line(`${word}: … and ${list.length - NOTES} more; --json lists them all`);
  }
}

// Long names keep their end, which tells them apart.
function shorten(name) {
  const letters = [...shown(name)];
  return letters.length <= 56 ? letters.join('') : `…${letters.slice(-55).join('')}`;
}

const shapeOf = (tensor) => `${tensor.dtype ?? ''}${tensor.shape ? `[${tensor.shape.map((d) => d ?? '?').join(',')}]` : ''}`;
const nameOf = (path) => path.replace(/[\\/]+$/, '').split(/[\\/]/).pop() || path;
const largest = (list, key) => list.map((item, index) => [item, index])
  .sort((a, b) => (b[0][key] ?? 0) - (a[0][key] ?? 0) || a[1] - b[1]).map(([item]) => item);

function causes(text, list, title) {
  const sorted = largest(list, 'bytes');
  text.table([title, 'bytes', 'nodes'], sorted.slice(0, CAUSES).map(({ cause, bytes = 0, nodes = 0 }) =>
    [cause, humanBytes(bytes), nodes > 0 ? String(nodes) : '']));
  text.more(CAUSES, sorted.length);
}

const NEXT = {
  exact: '--preset int8 stores weights in a quarter of the bytes',
  float: '--preset int8 stores weights in a quarter of the bytes',
  half: '--preset int8 halves the weights again',
  int8: '--preset half, if the outputs differ too much',
};

export function describeReport(report, stream, { options, seconds }) {
  const text = new Text(stream);
  const { before, after } = report.bytes ?? { before: report.input.bytes, after: report.output.bytes };
  const nodes = report.nodes ? `, ${report.nodes.before} -> ${report.nodes.after} nodes` : '';
  text.line(text.strong(`${shown(nameOf(report.input.path))}: ${humanBytes(before)} -> ${humanBytes(after)} ` +
    `(${percent(after, before)})${nodes}, ${oneDecimal(seconds)} s`));
  if (report.verdict && report.verdict !== 'smaller') text.line(shown(report.verdict));
  text.line();
  causes(text, report.causes ?? [], 'what went');
  const tensors = largest(report.tensors ?? [], 'bytes_before');
  text.table(['largest tensors', 'before', 'after', 'scheme', 'SQNR'], tensors.slice(0, TENSORS).map((tensor) =>
    [`${tensor.name} ${shapeOf(tensor)}`, humanBytes(tensor.bytes_before), humanBytes(tensor.bytes_after), tensor.scheme === 'none' ? 'kept' : shown(tensor.scheme),
      typeof tensor.sqnr_db === 'number' ? `${oneDecimal(tensor.sqnr_db)} dB` : '']));
  text.more(TENSORS, tensors.length);
  if (report.eligible_bytes > 0) {
    text.line(`  ${percent(report.quantized_bytes, report.eligible_bytes)} of the bytes that may be quantized are`);
  }
  for (const { node, pass, what } of report.explained ?? []) text.line(`${shown(node)}${pass ? `, ${shown(pass)}` : ''}: ${shown(what)}`);
  if (report.verification?.summary) text.line(`check: ${shown(report.verification.summary)}`);
  text.notes(report.warnings ?? [], 'note');
  if (report.lost?.length > 0) text.line(`gone: ${shown(report.lost.slice(0, NOTES).join(', '))}${report.lost.length > NOTES ? ', …' : ''}`);
  const { path, format, files, zipped_bytes: zipped } = report.output;
  text.line(`result: ${shown(path)} (${shown(format)}, ${zipped ? `zip of ${humanBytes(zipped)}` : `${files ?? 0} file${files === 1 ? '' : 's'}`})`);
  const next = options.transforms || options.recipe ? 'whittle list transforms' : NEXT[options.preset ?? 'int8'];
  text.line(`next: ${next}`);
  return text.out;
}

export function describeInspection(summary, stream) {
  const text = new Text(stream);
  text.line(text.strong(`${shown(nameOf(summary.input.path))}: ${humanBytes(summary.input.bytes)}, ${shown(summary.input.format)}`));
  for (const signature of summary.signatures ?? []) {
    if (typeof signature === 'string') {
      text.line(`signature ${shown(signature)}`);
      continue;
    }
    text.line(`signature ${shown(signature.key)}`);
    for (const [word, list] of [['in ', signature.inputs], ['out', signature.outputs]]) {
      for (const tensor of list ?? []) text.line(`  ${word} ${shown(tensor.key)} ${shown(shapeOf(tensor))}`);
    }
  }
  causes(text, summary.causes ?? [], 'what it holds');
  const tensors = largest(summary.tensors ?? [], 'bytes');
  text.table(['largest tensors', 'bytes'], tensors.slice(0, TENSORS).map((tensor) =>
    [`${tensor.name} ${shapeOf(tensor)}`, humanBytes(tensor.bytes ?? tensor.bytes_before ?? 0)]));
  text.more(TENSORS, tensors.length);
  text.notes(summary.warnings ?? [], 'note');
  return text.out;
}

export function describeComparison(comparison, stream) {
  const text = new Text(stream);
  const model = ({ path, bytes, nodes }) => `${shown(nameOf(path))} (${humanBytes(bytes)}, ${nodes} nodes)`;
  text.line(text.strong(`${model(comparison.a)} and ${model(comparison.b)}`));
  for (const { key, state, why, probes, source, outputs } of comparison.signatures) {
    text.line(`signature ${shown(key)}: ${shown(state)}, ${probes} probes (${shown(source)})`);
    if (why) text.line(`  ${shown(why)}`);
    text.table(['outputs', 'worst SQNR', 'same answers'], outputs.map((output) => [`${output.key} ${output.dtype}`,
      output.equal ? 'equal' : output.sqnr_db === null ? '' : `${oneDecimal(output.sqnr_db)} dB`,
      output.agreement === null ? '' : `${oneDecimal(output.agreement * 100)} %`]));
  }
  text.line(`check: ${shown(comparison.summary)}`);
  text.notes(comparison.warnings ?? [], 'note');
  return text.out;
}

// A listing is [{name or op, summary}].
export function describeList(listing, stream) {
  const text = new Text(stream);
  const nameOfRow = (row) => row.name ?? row.op ?? '';
  const width = Math.max(0, ...listing.map((row) => nameOfRow(row).length));
  for (const row of listing) text.line(`${shown(nameOfRow(row)).padEnd(width)}  ${shown(row.summary ?? '')}`.trimEnd());
  return text.out;
}
