// What the page is doing: one model at a time, no DOM. Components draw `state`; every change is a new object.
//
//   start ─open─▶ opening ─▶ running ─▶ done          a preset chosen in running or done starts anew with it
//                    │          ├─cancel─▶ ready      the model is there, nothing runs
//                    └──────────┴────────▶ failed
//
// A model is optimized as soon as it is open, with the preset that is chosen. Whoever started last owns `#stop`; what an
// older run still says is dropped.
import type { DirectoryHandle, Model, Preset, Progress, Report, Source, Summary, WhittleError } from 'whittle-tf';
import { toWhittleError } from '../../wasm/js/errors.mjs';
import { Engine } from './engine';
import { baseName, bytes } from './format';
import type { Given } from './input';

export interface Failure { code: string; message: string; where: readonly string[]; during: string }
export interface Ends { inputs: string[]; outputs: string[] }
export interface Result { preset: Preset; report: Report; zip: Blob; url: string; fileName: string }

export interface State {
  engine: 'loading' | 'ready' | Failure;
  phase: 'start' | 'opening' | 'ready' | 'running' | 'done' | 'failed';
  preset: Preset;
  ends: Ends | null;  // what to feed and to fetch, for a model without signatures
  name: string;
  files: readonly { path: string; size: number }[];
  summary: Summary | null;
  progress: Progress | null;
  saving: boolean;  // the run writes into a folder
  result: Result | null;
  failure: Failure | null;
  notice: string;     // a sentence on top of the page
  announced: string;  // for screen readers only
}

const kStart: State = {
  engine: 'loading', phase: 'start', preset: 'int8', ends: null, name: '', files: [], summary: null, progress: null, saving: false,
  result: null, failure: null, notice: '', announced: '',
};

export class Session {
  state = kStart;
  #engine = new Engine();
  #source: Source | null = null;
  #sample: Promise<Source> | null = null;
  #model: Model | null = null;  // null after the engine was closed: it is opened again from its source
  #stop: AbortController | null = null;
  #listeners = new Set<(state: State) => void>();

  subscribe(listener: (state: State) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  #set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener(this.state);
  }
  // Once sealed, the page cannot load the sample any more.
  get hasSample(): boolean { return this.#sample !== null || !this.#engine.sealed; }
  get busy(): boolean { return this.#stop !== null; }

  // Loads what is missing before the first drop; says here already when this browser cannot do it.
  async prepare(): Promise<void> {
    try {
      await this.#engine.optimizer();
      this.#set({ engine: 'ready' });
    } catch (thrown) {
      this.#set({ engine: failure(toWhittleError(thrown), 'starting') });
    }
  }

  // `own`: a model of the user's, not one that came with the page.
  async open({ name, source }: Given, own = true): Promise<void> {
    source.catch(() => {});
    if (this.busy) {
      this.#set({ notice: `Still working on ${this.state.name}. Cancel it first, then drop the next model.` });
      return;
    }
    this.#forget();
    const stop = this.#begin({ phase: 'opening', name, files: [], summary: null, ends: null, announced: `Reading ${name}` });
    try {
      const given = await source;
      if (own) await this.#engine.seal();
      const optimizer = await this.#engine.optimizer();
      stop.signal.throwIfAborted();
      const model = await optimizer.open(given, { signal: stop.signal });
      if (this.#stop !== stop) return;
      this.#source = given;
      this.#model = model;
      this.#set({ engine: 'ready', name: model.name, files: model.files, summary: model.summary });
    } catch (thrown) {
      this.#end(stop, thrown, 'reading');
      return;
    }
    await this.#optimize(this.state.preset);
  }

  async openSample(): Promise<void> {
    this.#sample ??= import('./sample').then(({ sampleFiles }) => sampleFiles());
    await this.open({ name: 'the sample', source: this.#sample }, false);
  }

  async choose(preset: Preset): Promise<void> {
    this.#set({ preset });
    if (this.#source && (this.state.phase !== 'opening')) await this.#optimize(preset);
  }
  async restart(ends: Ends | null = this.state.ends): Promise<void> {
    this.#set({ ends });
    await this.#optimize(this.state.preset);
  }

  // The same run with one probe, whatever it costs.
  async verify(): Promise<void> { await this.#optimize(this.state.preset, 1); }

  async #optimize(preset: Preset, verify: boolean | number = true): Promise<void> {
    this.#dropResult();
    await this.#run({ during: 'optimizing', preset }, async (model, common) => {
      const { zip } = await this.#engine.core();
      const fileName = `${baseName(model.name)}-${preset}`;
      const sink = zip(undefined, { name: fileName });
      const report = await model.optimize({ preset, sink, verify, ...this.state.ends, ...common });
      const blob = sink.blob!;
      const { before, after } = report.bytes;
      return {
        result: { preset, report, zip: blob, url: URL.createObjectURL(blob), fileName: `${fileName}.zip` },
        announced: `Done: ${bytes(before)} became ${bytes(after)}`,
      };
    });
  }

  // The same run once more, into a new folder inside the one that the user chose.
  async saveInto(parent: FileSystemDirectoryHandle): Promise<void> {
    const { result } = this.state;
    if (!result || this.busy) return;
    const { preset } = result;
    await this.#run({ during: 'saving', preset, saving: true }, async (model, common) => {
      const { directory } = await this.#engine.core();
      const name = `${baseName(model.name)}-${preset}`;
      const folder = await parent.getDirectoryHandle(name, { create: true });
      try {
        await model.optimize({ preset, sink: directory(folder as DirectoryHandle), verify: false, ...this.state.ends, ...common });
      } catch (thrown) {
        await parent.removeEntry(name).catch(() => {});  // only when empty
        throw thrown;
      }
      return { notice: `Saved as ${name} in ${parent.name || 'the chosen folder'}.`, announced: `Saved as ${name}` };
    });
  }

  async #run({ during, preset, saving = false }: { during: string; preset: Preset; saving?: boolean },
    work: (model: Model, common: { signal: AbortSignal; onProgress(progress: Progress): void }) => Promise<Partial<State>>): Promise<void> {
    const stop = this.#begin({ phase: 'running', preset, saving, progress: null, announced: `Working with preset ${preset}` });
    const onProgress = (progress: Progress) => { if (this.#stop === stop) this.#progress(progress); };
    try {
      const change = await work(await this.#opened(stop.signal), { signal: stop.signal, onProgress });
      if (this.#stop !== stop) return;
      this.#stop = null;
      this.#set({ phase: 'done', progress: null, saving: false, ...change });
    } catch (thrown) {
      this.#end(stop, thrown, during);
    }
  }
  async #opened(signal: AbortSignal): Promise<Model> {
    if (!this.#model) {
      const optimizer = await this.#engine.optimizer();
      this.#model = await optimizer.open(this.#source!, { summary: false, signal });
    }
    return this.#model;
  }
  #progress(progress: Progress): void {
    const quarter = (p: Progress | null) => Math.floor((p?.fraction ?? 0) * 4);
    const passed = quarter(progress);
    const announced = passed > quarter(this.state.progress) && passed < 4 ? `${passed * 25} %` : this.state.announced;
    this.#set({ progress, announced });
  }

  // Nothing is kept of what ran, and every worker ends.
  async cancel(): Promise<void> {
    if (!this.#stop) return;
    const { result, saving } = this.state;
    this.#stop.abort();
    this.#stop = null;
    this.#model = null;
    this.#set({
      phase: saving && result ? 'done' : this.state.summary ? 'ready' : 'start', progress: null, saving: false,
      notice: 'Cancelled. Nothing was kept.', announced: 'Cancelled',
    });
    // A finished zip may lie in files that the workers do not hold, so it outlives them; a run dropped it unless it saved it.
    await this.#engine.close({ forget: !saving });
  }

  dismiss(): void { this.#set({ notice: '' }); }

  #begin(change: Partial<State>): AbortController {
    this.#stop?.abort();
    this.#stop = new AbortController();
    this.#set({ failure: null, notice: '', ...change });
    return this.#stop;
  }
  #end(stop: AbortController, thrown: unknown, during: string): void {
    if (this.#stop !== stop) return;  // cancelled, or another run has begun
    this.#stop = null;
    const error = toWhittleError(thrown);
    this.#set({
      phase: 'failed', progress: null, saving: false, failure: failure(error, during),
      announced: `Failed: ${error.message}`,
    });
  }
  #forget(): void {
    this.#dropResult();
    this.#model = null;
    this.#source = null;
  }
  #dropResult(): void {
    if (this.state.result) URL.revokeObjectURL(this.state.result.url);
    this.#set({ result: null });
  }
}

function failure(error: WhittleError, during: string): Failure {
  return { code: error.code, message: error.message, where: error.where, during };
}
