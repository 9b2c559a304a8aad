// What a visitor sees first: what this is, where to drop, what else there is.
import { useRef } from 'preact/hooks';
import { sentence } from '../format';
import { canChooseFolders, fromInput, type Given } from '../input';
import type { Failure, Session } from '../session';

export function Pickers({ session, compact = false }: { session: Session; compact?: boolean }) {
  const folder = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const take = (given: Given | null) => { if (given) void session.open(given); };
  const main = compact ? 'button' : 'button primary';
  return (
    <div class="pickers">
      {canChooseFolders() && (
        <button type="button" class={main} data-testid="choose-folder" aria-keyshortcuts="Control+O" onClick={() => folder.current?.click()}>
          {compact ? 'Another folder' : 'Choose a folder'}
        </button>
      )}
      <button type="button" class="button" data-testid="choose-files" onClick={() => files.current?.click()}>
        {compact ? 'Other files' : 'Choose files'}
      </button>
      {session.hasSample && (
        <button type="button" class="button" data-testid="sample" onClick={() => void session.openSample()}>
          {compact ? 'The sample' : 'Try the bundled sample'}
        </button>
      )}
      <input ref={folder} id="folder-input" class="visually-hidden" type="file" data-testid="folder-input" tabIndex={-1} aria-hidden="true"
        {...{ webkitdirectory: true }} onChange={(event) => take(fromInput(event.currentTarget))} />
      <input ref={files} class="visually-hidden" type="file" multiple data-testid="files-input" tabIndex={-1} aria-hidden="true"
        onChange={(event) => take(fromInput(event.currentTarget))} />
    </div>
  );
}

export function StartCard({ session, blocked }: { session: Session; blocked: Failure | null }) {
  return (
    <section class="card drop-zone" data-testid="drop-zone" aria-labelledby="start-title">
      <svg class="drop-mark" viewBox="0 0 64 40" aria-hidden="true">
        <path d="M6 8h52M6 20h36M6 32h18" />
      </svg>
      <h2 id="start-title">Drop a SavedModel folder anywhere</h2>
      <p class="hint">or a frozen graph (<code>.pb</code>). Nothing is uploaded: the work is done in this tab, and the smaller model still loads in stock TensorFlow.</p>
      {blocked ? <p class="blocked" role="alert" data-testid="blocked"><strong>This browser cannot do it here.</strong> {sentence(blocked.message)}</p>
        : <Pickers session={session} />}
      {!canChooseFolders() && (
        <p class="hint">This browser cannot choose folders: choose <code>saved_model.pb</code> and the files of <code>variables</code> together.</p>
      )}
    </section>
  );
}
