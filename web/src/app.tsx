// The page: cards by state, and what concerns the whole window (drops, keys, leaving, title).
import { useEffect, useState } from 'preact/hooks';
import { ErrorCard } from './cards/error';
import { ModelCard } from './cards/model';
import { Presets } from './cards/presets';
import { ProgressCard } from './cards/progress';
import { ResultCard } from './cards/result';
import { Pickers, StartCard } from './cards/start';
import { fromDrop } from './input';
import type { Session, State } from './session';

export function useSession(session: Session): State {
  const [state, setState] = useState(session.state);
  useEffect(() => session.subscribe(setState), [session]);
  return state;
}

// The whole window is the target. Enter and leave also fire for every element inside, so they are counted.
function useDrop(session: Session): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const show = (change: number) => {
      depth = Math.max(0, depth + change);
      setOver(depth > 0);
    };
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const listeners = {
      dragenter: (event: DragEvent) => { if (carriesFiles(event)) show(1); },
      dragleave: (event: DragEvent) => { if (carriesFiles(event)) show(-1); },
      dragover: (event: DragEvent) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        event.dataTransfer!.dropEffect = 'copy';
      },
      drop: (event: DragEvent) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        show(-depth);
        const given = fromDrop(event.dataTransfer!);
        if (given) void session.open(given);
      },
    };
    const kinds = Object.keys(listeners) as (keyof typeof listeners)[];
    for (const kind of kinds) addEventListener(kind, listeners[kind]);
    return () => { for (const kind of kinds) removeEventListener(kind, listeners[kind]); };
  }, [session]);
  return over;
}

function useKeys(session: Session): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === 'Escape') void session.cancel();
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'o' && !event.shiftKey && !event.altKey) {
        event.preventDefault();
        document.getElementById('folder-input')?.click();
      }
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [session]);
}

// Leaving in the middle asks first; the title shows how far it is from another tab.
function useWindow(state: State): void {
  const busy = state.phase === 'opening' || state.phase === 'running';
  useEffect(() => {
    if (!busy) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [busy]);
  const percent = Math.round((state.progress?.fraction ?? 0) * 100);
  const mark = busy ? `${percent} % ` : state.phase === 'done' ? '✓ ' : '';
  useEffect(() => { document.title = state.name ? `${mark}${state.name} – Whittle` : 'Whittle: smaller TensorFlow models'; }, [mark, state.name]);
}

export function App({ session }: { session: Session }) {
  const state = useSession(session);
  const over = useDrop(session);
  useKeys(session);
  useWindow(state);
  const blocked = typeof state.engine === 'object' ? state.engine : null;
  const { phase, result, failure } = state;
  const idle = phase === 'ready' || phase === 'done' || phase === 'failed';
  return (
    <>
      <header class="top">
        <h1><svg viewBox="0 0 64 40" aria-hidden="true"><path d="M6 8h52M6 20h36M6 32h18" /></svg>Whittle</h1>
        <p>Makes TensorFlow models smaller, on your machine.</p>
      </header>
      <main>
        {state.notice && (
          <p class="notice" data-testid="notice"><span>{state.notice}</span>
            <button type="button" class="plain" aria-label="Dismiss" onClick={() => session.dismiss()}>×</button></p>
        )}
        {phase === 'start' && <StartCard session={session} blocked={blocked} />}
        <ModelCard session={session} state={state} />
        {failure && <ErrorCard key={`${failure.code}${failure.message}`} state={state} failure={failure} />}
        {!blocked && <Presets session={session} state={state} />}
        {(phase === 'opening' || phase === 'running') && <ProgressCard session={session} state={state} />}
        {phase === 'ready' && state.summary!.signatures.length > 0 && (
          <div class="actions">
            <button type="button" class="button primary" data-testid="start" onClick={() => void session.restart()}>Start</button>
          </div>
        )}
        {result && <ResultCard key={result.url} session={session} state={state} result={result} />}
        {idle && <section class="next" aria-label="Another model"><p class="hint">Drop another model anywhere, or choose one:</p><Pickers session={session} compact /></section>}
      </main>
      <footer>
        <p><strong>Nothing leaves this machine.</strong> This page's own policy forbids every connection, and with your first model it also gives up loading its own scripts. Once it is ready you can pull the plug.{' '}
          <span data-testid="ready" class={state.engine === 'ready' ? 'ready' : 'waiting'}>{state.engine === 'ready' ? 'Ready.' : blocked ? '' : 'Getting ready…'}</span></p>
        <p>Whittle {WHITTLE_VERSION}, Apache-2.0. Ctrl+O opens a folder, Esc cancels.</p>
      </footer>
      <div class="visually-hidden" role="status" aria-live="polite" data-testid="live">{state.announced}</div>
      {over && <div class="overlay" aria-hidden="true"><p>Drop it</p><span>SavedModel folder, or a frozen graph (.pb)</span></div>}
    </>
  );
}
