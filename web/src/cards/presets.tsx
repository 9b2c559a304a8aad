// How much to change. Radio buttons: a choice starts the work anew when a model is there.
import { kPresets } from '../presets';
import type { Session, State } from '../session';

export function Presets({ session, state }: { session: Session; state: State }) {
  const idle = state.phase === 'ready' || state.phase === 'failed';
  return (
    <fieldset class="presets">
      <legend>How far to go</legend>
      {kPresets.map(({ name, title, line }) => (
        <label key={name} class="preset">
          <input type="radio" name="preset" value={name} data-testid={`preset-${name}`} checked={state.preset === name}
            onChange={() => void session.choose(name)}
            onClick={() => { if (idle && state.preset === name) void session.choose(name); }} />
          <span class="preset-title">{title}{name === 'int8' && <span class="tag">default</span>}</span>
          <span class="preset-line">{line}</span>
        </label>
      ))}
    </fieldset>
  );
}
