// What is in the model, and why it is big.
import type { Endpoint, SignatureInfo } from 'whittle-tf';
import { bytes, count, endpoint } from '../format';
import { Card, Notes, SizeByCause } from '../parts';
import type { State } from '../session';

function Ends({ ends }: { ends: readonly Endpoint[] }) {
  if (ends.length === 0) return <>–</>;
  return (
    <ul class="ends">
      {ends.map(endpoint).map(({ key, type }) => <li key={key}><code>{key}</code> <span class="type">{type}</span></li>)}
    </ul>
  );
}

function Signatures({ signatures }: { signatures: readonly SignatureInfo[] }) {
  if (signatures.length === 0) return <p class="hint">No signatures: everything that can be fetched is kept.</p>;
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

export function ModelCard({ state }: { state: State }) {
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
        <Signatures signatures={summary.signatures} />
      </div>
      {others.length > 0 && (
        <p class="hint">The model holds {others.length === 1 ? 'another graph' : 'other graphs'}, which the result leaves out: tags {others.map((tags) => tags.join(', ')).join('; ')}.</p>
      )}
      {summary.opaque_ops.length > 0 && <p class="hint">Custom ops are kept untouched: {summary.opaque_ops.join(', ')}.</p>}
      <Notes title="Warnings" items={summary.warnings} />
    </Card>
  );
}
