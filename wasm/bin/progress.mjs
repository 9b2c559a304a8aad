// The bar on stderr, on a terminal only.

export class ProgressBar {
  #stream; #shown = 0; #open = false;

  constructor(stream, { quiet }) {
    this.#stream = stream.isTTY && !quiet && process.env.TERM !== 'dumb' ? stream : null;
  }
  show({ phase, fraction, bytesDone, bytesTotal }) {
    if (!this.#stream || performance.now() - this.#shown < 80) return;
    this.#shown = performance.now();
    this.#open = true;
    const filled = Math.floor(fraction * 24);
    const bytes = bytesTotal > 0 ? `  ${Math.floor(bytesDone / 1e6)} of ${Math.floor(bytesTotal / 1e6)} MB` : '';
    this.#stream.write(`\r[${'#'.repeat(filled)}${'-'.repeat(24 - filled)}] ${Math.floor(fraction * 100)} %  ${phase}${bytes}\x1b[K`);
  }
  clear() {
    if (this.#open) this.#stream.write('\r\x1b[K');
    this.#open = false;
  }
}
