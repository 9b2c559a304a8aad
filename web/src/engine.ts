// The optimizer of the page: loaded at the first idle moment, closed on cancel, made anew when it is next needed.
//
// The policy in index.html lets the page load scripts of its own folder, for it comes in chunks; that is one way left to
// tell the host something. So before a user's model is opened, a second policy closes it: policies only ever narrow
// each other. Workers take the policy they are born with, hence new ones.
import type { Optimizer } from 'whittle-tf';

const kSeal = 'sealed';

type Core = typeof import('./core');

export class Engine {
  #core: Promise<Core> | undefined;
  #optimizer: Promise<Optimizer> | undefined;

  core(): Promise<Core> {
    this.#core ??= import('./core');
    return this.#core;
  }
  optimizer(): Promise<Optimizer> {
    this.#optimizer ??= this.core().then(({ createOptimizer, wasmModule }) => createOptimizer({ wasm: wasmModule() }));
    return this.#optimizer;
  }
  get sealed(): boolean { return document.getElementById(kSeal) !== null; }
  async seal(): Promise<void> {
    if (this.sealed) return;
    await this.core();
    const meta = document.createElement('meta');
    meta.id = kSeal;
    meta.httpEquiv = 'Content-Security-Policy';
    meta.content = "script-src 'wasm-unsafe-eval'; worker-src blob:";
    document.head.append(meta);
    await this.close();
  }
  // Ends every worker. With `forget`, what lies in the browser's storage of earlier results goes, too: opening a model does
  // that, so nothing is opened.
  async close({ forget = false } = {}): Promise<void> {
    const closing = this.#optimizer;
    this.#optimizer = undefined;
    const optimizer = await closing?.catch(() => undefined);
    if (forget) await optimizer?.open(new Map(), { summary: false }).catch(() => {});
    await optimizer?.close();
  }
}
