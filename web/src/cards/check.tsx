// How close the outputs are: what the verifier told, in words first.
import type { Report, Verification } from 'whittle-tf';
import { count } from '../format';
import { Path } from '../parts';

type Output = Verification['signatures'][number]['outputs'][number];

// The steps of a traffic light, for people who do not think in decibels.
export function grade(output: Output): { level: 'good' | 'fair' | 'poor'; words: string } {
  if (output.equal) return { level: 'good', words: 'equal' };
  if (output.problem) return { level: 'poor', words: output.problem };
  const { sqnr_db: db, kl, agreement } = output;
  if (db === null) return { level: agreement === 1 ? 'good' : 'fair', words: agreement === null ? 'differs' : `${(100 * agreement).toFixed(1)} % equal` };
  if (db >= 40 || (kl !== null && kl < 1e-3)) return { level: 'good', words: 'not distinguishable' };
  if (db >= 30 || (kl !== null && kl < 1e-2)) return { level: 'good', words: 'close' };
  if (db >= 20 || (kl !== null && kl < 0.1)) return { level: 'fair', words: 'check with your data' };
  return { level: 'poor', words: 'far from the original' };
}

const kHeadline: Record<Verification['state'], string> = {
  same: 'Outputs are equal to the original’s',
  close: 'Outputs compared with the original’s',
  missed: 'Outputs differ from the original’s',
  'not runnable': 'Outputs were not compared: this model cannot run here',
  skipped: 'Outputs were not compared',
};

export function Check({ report, verifyAnyway }: { report: Report; verifyAnyway: (() => void) | null }) {
  const { verification } = report;
  const ran = verification.signatures.filter(({ outputs }) => outputs.length > 0);
  const noise = ran.some(({ source }) => source === 'noise');
  return (
    <section class="check" data-testid="check" data-state={verification.state} aria-labelledby="check-title">
      <h3 id="check-title">{kHeadline[verification.state]}</h3>
      {ran.length === 0 && verification.why && <p class="hint">{verification.why}</p>}
      {ran.length > 0 && verification.state !== 'same' && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Outputs">
          <table class="tensors">
            <thead>
              <tr><th scope="col">Output</th><th scope="col">Verdict</th><th scope="col">SQNR</th><th scope="col">Same answers</th></tr>
            </thead>
            <tbody>
              {ran.flatMap(({ key, outputs }) => outputs.map((output) => {
                const { level, words } = grade(output);
                return (
                  <tr key={`${key}/${output.key}`}>
                    <th scope="row"><Path name={ran.length > 1 ? `${key}/${output.key}` : output.key} /></th>
                    <td><span class={`light ${level}`} aria-hidden="true" /> {words}</td>
                    <td>{output.sqnr_db === null ? '–' : `${output.sqnr_db.toFixed(1)} dB`}</td>
                    <td>{output.agreement === null ? '–' : `${(100 * output.agreement).toFixed(1)} %`}</td>
                  </tr>
                );
              }))}
            </tbody>
          </table>
        </div>
      )}
      {ran.length > 0 && (
        <p class="hint">
          Both models ran on {count(ran.reduce((sum, { probes }) => sum + probes, 0))} inputs; the worst counts.
          {noise ? ' The inputs were noise, which is harder than real data.' : ''}
        </p>
      )}
      {verification.state === 'skipped' && verifyAnyway && (
        <button type="button" class="button" data-testid="verify" onClick={verifyAnyway}>Compare all the same</button>
      )}
    </section>
  );
}
