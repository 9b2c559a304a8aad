// The presets in the user's words; what they do is the core's business.
import type { Preset } from 'whittle-tf';

export const kPresets: readonly { name: Preset; title: string; line: string }[] = [
  { name: 'exact', title: 'Exact', line: 'Every output keeps its bits. Only dead weight goes.' },
  { name: 'float', title: 'Float', line: 'Batch norms and constants folded. Weights stay float32.' },
  { name: 'half', title: 'Half', line: '16-bit weights. About half the size, hardly any error.' },
  { name: 'int8', title: 'Int8', line: '8-bit weights per channel. About a quarter of the size.' },
];
