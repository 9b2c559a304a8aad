// Compiles with Node's types and without the DOM library.
import { createOptimizer, directory, memory, type Report, WhittleError, zip } from 'whittle-tf';

const optimizer = await createOptimizer({ workers: 2 });
const model = await optimizer.open('model', { tags: ['serve'] });
const report: Report = await model.optimize({
  preset: 'int8',
  sink: directory('out'),
  signal: AbortSignal.timeout(1000),
  onProgress: (progress) => console.log(progress.fraction, progress.phase),
});
console.log(report.bytes.before, report.tensors[0]?.scheme, model.summary.causes[0]?.cause);
const zipped = zip('out.zip', { name: 'model' });
await model.optimize({ sink: zipped, transforms: 'fold_constants' });
console.log(zipped.size, zipped.blob?.size);
const kept = memory();
await model.optimize({ sink: kept, recipe: report.recipe });
console.log(kept.files.get('saved_model.pb')?.length, (await optimizer.list('presets'))[0]?.name);
await optimizer.open(new Map<string, Blob | Uint8Array>([['a', new Uint8Array(3)], ['b', new Blob([])]]));
try {
  await optimizer.close();
} catch (error) {
  if (error instanceof WhittleError && error.code === 'cancelled') console.log(error.where, String(error));
}
// @ts-expect-error there is no such preset
await model.optimize({ sink: memory(), preset: 'int4' });
// @ts-expect-error a sink is needed
await model.optimize({ preset: 'int8' });
