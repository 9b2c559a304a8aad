// node optimize.mjs MODEL OUT: makes a SavedModel smaller. Needs: npm i ./whittle-tf-0.1.0.tgz
import { createOptimizer, directory } from 'whittle-tf';

const [input, output] = process.argv.slice(2);
const optimizer = await createOptimizer();
try {
  const model = await optimizer.open(input);
  const report = await model.optimize({
    preset: 'int8',
    sink: directory(output),
    onProgress: ({ phase, fraction }) => console.error(`${phase} ${Math.round(fraction * 100)} %`),
  });
  console.log(`${report.bytes.before} -> ${report.bytes.after} bytes`);
} finally {
  await optimizer.close();
}
