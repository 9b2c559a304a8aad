// What came out: how much smaller, why, at what error, and how to get it.
import type { Report, TensorReport } from 'whittle-tf';
import { bytes, change, count, percent, shape } from '../format';
import { Card, Notes, Path, SizeByCause } from '../parts';
import type { Ends, Result, Session, State } from '../session';
import { Check } from './check';

const kTensorRows = 12;

function Bars({ before, after }: { before: number; after: number }) {
  const whole = Math.max(before, after, 1);
  return (
    <div class="before-after" aria-hidden="true">
      <span class="bar-before" style={{ width: `${(100 * before) / whole}%` }} />
      <span class="bar-after" style={{ width: `${(100 * after) / whole}%` }} />
    </div>
  );
}

function Tensors({ tensors }: { tensors: readonly TensorReport[] }) {
  if (tensors.length === 0) return null;
  const largest = [...tensors].sort((a, b) => b.bytes_before - a.bytes_before).slice(0, kTensorRows);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Largest tensors">
      <table class="tensors">
        <caption>{tensors.length > kTensorRows ? `The ${kTensorRows} largest of ${count(tensors.length)} tensors` : 'Tensors'}</caption>
        <thead>
          <tr><th scope="col">Name</th><th scope="col">Shape</th><th scope="col">Before</th><th scope="col">After</th><th scope="col">Scheme</th><th scope="col">SQNR</th></tr>
        </thead>
        <tbody>
          {largest.map((tensor) => (
            <tr key={tensor.name}>
              <th scope="row"><Path name={tensor.name} /></th>
              <td>{shape(tensor.shape)}</td>
              <td>{bytes(tensor.bytes_before)}</td>
              <td>{bytes(tensor.bytes_after)}</td>
              <td>{tensor.scheme === 'none' ? <span class="hint">kept{tensor.reason ? `: ${tensor.reason}` : ''}</span> : tensor.scheme}</td>
              <td>{tensor.sqnr_db === null ? '–' : `${tensor.sqnr_db.toFixed(1)} dB`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Figures({ report }: { report: Report }) {
  const measured = report.tensors.map((tensor) => tensor.sqnr_db).filter((value) => value !== null);
  const figures: [string, string][] = [
    ['Nodes', `${count(report.nodes.before)} → ${count(report.nodes.after)}`],
    ['Zip', bytes(report.output.zipped_bytes ?? report.output.bytes)],
  ];
  if (report.quantized_bytes > 0) figures.push(['Weights quantized', percent(report.quantized_bytes, report.eligible_bytes)]);
  if (measured.length > 0) figures.push(['Weakest tensor', `${Math.min(...measured).toFixed(1)} dB SQNR`]);
  return <dl class="figures">{figures.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

async function saveFolder(session: Session): Promise<void> {
  try {
    await session.saveInto(await window.showDirectoryPicker!({ id: 'whittle', mode: 'readwrite' }));
  } catch (thrown) {
    if ((thrown as DOMException).name !== 'AbortError') throw thrown;  // the user closed the picker
  }
}

const command = (preset: string, ends: Ends | null) => `whittle optimize MODEL -o OUT --preset ${preset}`
  + (ends ? ` --inputs ${ends.inputs.join()} --outputs ${ends.outputs.join()}` : '');

export function ResultCard({ session, state, result }: { session: Session; state: State; result: Result }) {
  const { report, preset } = result;
  const { before, after } = report.bytes;
  const idle = state.phase === 'done';
  return (
    <Card id="result" testid="result" focus title={report.verdict === 'nothing to gain' ? 'Nothing to gain' : change(before, after)}>
      <p class="headline"><span>{bytes(before)}</span> <span class="arrow" aria-label="became">→</span> <strong>{bytes(after)}</strong></p>
      <Bars before={before} after={after} />
      <div class="actions">
        <a class="button primary" data-testid="download" href={result.url} download={result.fileName}>Download .zip</a>
        {'showDirectoryPicker' in window && (
          <button type="button" class="button" data-testid="save-folder" disabled={!idle} onClick={() => void saveFolder(session)}>Save into a folder…</button>
        )}
        <span class="hint">{result.fileName}</span>
      </div>
      <div class="columns">
        <SizeByCause id="result" causes={report.causes} whole={before} title="What shrank" left={after} />
        <div class="aside">
          <Figures report={report} />
          <p class="hint">A frozen model cannot be trained further.</p>
          <p class="hint">The same on the command line:<br /><code>{command(preset, state.ends)}</code></p>
        </div>
      </div>
      <Check report={report} verifyAnyway={idle && report.output.form !== 'unchanged' ? () => void session.verify() : null} />
      <Tensors tensors={report.tensors} />
      {report.opaque_ops.length > 0 && <p class="hint">Custom ops were kept untouched: {report.opaque_ops.join(', ')}.</p>}
      <Notes title="No longer in the model: functions that are no signature" items={report.lost} />
      <Notes title="Warnings" items={report.warnings} />
    </Card>
  );
}
