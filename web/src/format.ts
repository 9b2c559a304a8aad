// Numbers and names for people. MB is 10⁶ bytes, as everywhere in Whittle.
import type { Endpoint } from 'whittle-tf';

const kUnits = ['B', 'kB', 'MB', 'GB', 'TB'];

// Three digits: 590 kB, 46.9 kB, 1.25 GB.
export function bytes(count: number): string {
  const sign = count < 0 ? '−' : '';
  let value = Math.abs(count);
  let unit = 0;
  while (value >= 999.5 && unit < kUnits.length - 1) {
    value /= 1000;
    ++unit;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${sign}${value.toFixed(digits)} ${kUnits[unit]}`;
}

export const count = (value: number) => value.toLocaleString('en').replaceAll(',', ' ');  // narrow no-break space

export function percent(part: number, whole: number): string {
  if (whole <= 0) return '–';
  const value = (100 * part) / whole;
  if (value !== 0 && Math.abs(value) < 0.05) return '< 0.1 %';
  return `${value !== 0 && Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
}

// "92.1 % smaller"
export function change(before: number, after: number): string {
  if (after === before) return 'same size';
  const share = (100 * Math.abs(before - after)) / before;
  return `${share.toFixed(1)} % ${after < before ? 'smaller' : 'larger'}`;
}

export const shape = (dims: readonly (number | null)[] | null) => (dims ? `[${dims.map((dim) => dim ?? '?').join(', ')}]` : 'any shape');
export const endpoint = ({ key, dtype, shape: dims }: Endpoint) => ({ key, type: `${dtype} ${shape(dims)}` });

// Without what names the container: "model.pb" → "model".
export const baseName = (name: string) => name.replace(/\.(pb|pbtxt)$/, '') || 'model';

export const sentence = (text: string) => {
  const trimmed = text.trim();
  const capital = /^[a-z][a-z]*[ ,']/.test(trimmed) ? trimmed.charAt(0).toUpperCase() + trimmed.slice(1) : trimmed;
  return /[.!?)]$/.test(capital) ? capital : `${capital}.`;
};
