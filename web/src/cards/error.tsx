// What went wrong: code, sentence, place, what to do, and a report to hand on.
import { useState } from 'preact/hooks';
import { sentence } from '../format';
import { Card } from '../parts';
import type { Failure, State } from '../session';

const kAdvice: Record<string, string> = {
  corrupt: 'The file may be incomplete: copy or export the model again.',
  not_found: 'Choose the folder that holds saved_model.pb and variables.',
  io: 'Did files change since you chose them? Choose the model again.',
  limit: 'The whittle command can do more than a page may.',
  internal: 'This is a mistake of ours. The report below helps to find it.',
};

function report(failure: Failure, state: State): string {
  const files = state.files.map(({ path, size }) => `  ${path} ${size}`).slice(0, 50);
  return [
    `${failure.code}: ${failure.message}`, ...failure.where.map((place) => `  in ${place}`),
    `while ${failure.during}, preset ${state.preset}, Whittle ${WHITTLE_VERSION}`, navigator.userAgent,
    ...(files.length > 0 ? ['files and bytes:', ...files] : []),
  ].join('\n');
}

function title({ summary, ends, name }: State): string {
  if (!summary) return `${name} could not be opened`;
  return summary.signatures.length === 0 && !ends ? 'It has no signature: say what it is for' : 'That did not work';
}

export function ErrorCard({ state, failure }: { state: State; failure: Failure }) {
  const [copied, setCopied] = useState('');
  const text = report(failure, state);
  const copy = () => navigator.clipboard.writeText(text).then(() => setCopied('Copied.'), () => setCopied('Copying is not allowed here: mark the text below.'));
  return (
    <Card id="error" testid="error" focus title={title(state)}>
      <p class="error-sentence"><span class="code">{failure.code}</span> {sentence(failure.message)}</p>
      {failure.where.length > 0 && <p class="where">in {failure.where.map((place, index) => <span key={place}>{index > 0 && ', in '}<code>{place}</code></span>)}</p>}
      {kAdvice[failure.code] && <p class="hint">{kAdvice[failure.code]}</p>}
      <div class="actions">
        <button type="button" class="button" data-testid="copy-report" onClick={() => void copy()}>Copy report</button>
        <span role="status">{copied}</span>
      </div>
      <details class="notes"><summary>What the report says</summary><pre tabIndex={0}>{text}</pre></details>
    </Card>
  );
}
