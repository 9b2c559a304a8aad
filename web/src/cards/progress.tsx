// What is being done, in bytes, and the way out.
import { bytes } from '../format';
import { kPresets } from '../presets';
import type { Session, State } from '../session';

export function ProgressCard({ session, state }: { session: Session; state: State }) {
  const { progress, phase, preset, saving, name } = state;
  const title = kPresets.find((one) => one.name === preset)?.title ?? preset;
  const what = phase === 'opening' ? `Reading ${name}` : saving ? 'Saving into the folder' : `Whittling with ${title}`;
  const value = phase === 'opening' || !progress ? undefined : Math.round(progress.fraction * 100);
  const moved = progress && progress.bytesTotal > 0 ? `${progress.phase}, ${bytes(progress.bytesDone)} of ${bytes(progress.bytesTotal)}`
    : progress?.phase ?? 'looking at the files';
  return (
    <section class="card progress" data-testid="progress" aria-label="Progress">
      <div class="progress-text">
        <strong>{what}</strong>
        <span class="hint">{moved}</span>
        <span class="progress-number">{value === undefined ? '' : `${value} %`}</span>
      </div>
      <div class={value === undefined ? 'track waiting' : 'track'} role="progressbar" aria-label={what} aria-valuemin={0} aria-valuemax={100} aria-valuenow={value}>
        <span class="fill" style={{ width: `${value ?? 0}%` }} />
      </div>
      <button type="button" class="button" data-testid="cancel" aria-keyshortcuts="Escape" onClick={() => void session.cancel()}>Cancel</button>
    </section>
  );
}
