// With a bundler, here Vite: the module is an asset of the page, the workers come along inside of the script.
import { createOptimizer, zip } from 'whittle-tf';
import wasm from 'whittle-tf/whittle.wasm?url';

const said = document.querySelector('#said');
const optimizer = await createOptimizer({ wasm });
document.querySelector('#folder').onchange = async ({ target }) => {
  try {
    const model = await optimizer.open(target.files);
    const sink = zip();
    const report = await model.optimize({ preset: 'int8', sink });
    said.textContent = `${report.bytes.before} -> ${report.bytes.after} bytes, ${sink.blob.size} in the zip`;
  } catch (error) {
    said.textContent = String(error);
  }
};
said.textContent = 'Ready';
