// The lazy chunk with the bundled sample model.
import sample from 'virtual:sample';
import { unpack } from './unpack';

export async function sampleFiles(): Promise<Map<string, Blob>> {
  const files = new Map<string, Blob>();
  for (const [path, packed] of sample.files) files.set(`${sample.name}/${path}`, new Blob([await unpack(packed)]));
  return files;
}
