// What is in the model, and why it is big.
import type { Endpoint, SignatureInfo } from 'whittle-tf';
import { bytes, count, endpoint } from '../format';
import { Card, Notes, SizeByCause } from '../parts';
import type { Session, State } from '../session';

function Ends({ ends }: { ends: readonly Endpoint[] }) {
  if (ends.length === 0) return <>–</>;
  return (
    <ul class="ends">
      {ends.map(endpoint).map(({ key, type }) => <li key={key}><code>{key}</code> <span class="type">{type}</span></li>)}
    </ul>
  );
}

function Signatures({ signatures }: { signatures: readonly SignatureInfo[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Signatures">
      <table class="signatures">
        <caption>{signatures.length === 1 ? 'One signature' : `${signatures.length} signatures`}</caption>
        <thead><tr><th scope="col">Name</th><th scope="col">Inputs</th><th scope="col">Outputs</th></tr></thead>
        <tbody>
          {signatures.map((signature) => (
            <tr key={signature.key}>
              <th scope="row"><code>{signature.key}</code></th>
              <td><Ends ends={signature.inputs} /></td>
              <td><Ends ends={signature.outputs} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// A graph without signatures does not say what it is for.
function AskEnds({ session, state }: { session: Session; state: State }) {
  const start = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const names = (key: string) => String(data.get(key) ?? '').split(/[\s,]+/).filter(Boolean);
    void session.restart({ inputs: names('inputs'), outputs: names('outputs') });
  };
  return (
    <form class="ask-ends" onSubmit={start}>
      <h3>What is it for?</h3>
      <label>Tensors to feed <input name="inputs" data-testid="inputs" autocomplete="off" spellcheck={false} placeholder="every placeholder they need" /></label>
      <label>Tensors to fetch <input name="outputs" data-testid="outputs" required autocomplete="off" spellcheck={false} placeholder="scores, boxes" /></label>
      <button type="submit" class="button primary" data-testid="start" disabled={state.phase === 'running'}>Start</button>
    </form>
  );
}

export function ModelCard({ session, state }: { session: Session; state: State }) {
  const { summary, name } = state;
  if (!summary) return null;
  const { input } = summary;
  const facts = [
    bytes(input.bytes),
    `${count(summary.nodes)} nodes`,
    summary.functions > 0 && `${count(summary.functions)} functions`,
    input.tensorflow_version && `TensorFlow ${input.tensorflow_version}`,
    input.tags.length > 0 && `tags ${input.tags.join(', ')}`,
  ].filter(Boolean);
  const others = summary.tag_sets.filter((tags) => tags.join() !== input.tags.join());
  return (
    <Card id="model" testid="model-card" title={name}>
      <p class="facts">{facts.map((fact, index) => <span key={index}>{fact}</span>)}</p>
      <div class="columns">
        <SizeByCause id="model" causes={summary.causes} whole={input.bytes} title="Where the bytes are" />
        {summary.signatures.length > 0 ? <Signatures signatures={summary.signatures} /> : <AskEnds session={session} state={state} />}
      </div>
      {others.length > 0 && (
        <p class="hint">The model holds {others.length === 1 ? 'another graph' : 'other graphs'}, which the result leaves out: tags {others.map((tags) => tags.join(', ')).join('; ')}.</p>
      )}
      {summary.opaque_ops.length > 0 && <p class="hint">Custom ops are kept untouched: {summary.opaque_ops.join(', ')}.</p>}
      <Notes title="Warnings" items={summary.warnings} />
    </Card>
  );
}
