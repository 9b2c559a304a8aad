// The optimizer of the page: loaded at the first idle moment, closed on cancel, made anew when it is next needed.
import type { Optimizer } from 'whittle-tf';

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
  // Ends every worker.
  async close(): Promise<void> {
    const optimizer = this.#optimizer;
    this.#optimizer = undefined;
    await optimizer?.then((open) => open.close(), () => {});
  }
}
