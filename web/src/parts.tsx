// Small pieces that several cards share.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Cause } from 'whittle-tf';
import { bytes, percent } from './format';

export function Card({ id, title, testid, focus = false, children }:
  { id: string; title: string; testid?: string; focus?: boolean; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => { if (focus) heading.current?.focus(); }, [focus]);
  return (
    <section class={`card card-${id}`} data-testid={testid} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`} tabIndex={-1} ref={heading}>{title}</h2>
      {children}
    </section>
  );
}

// The largest few with a colour each; what is left over in grey.
const kColours = 6;
export function largest(causes: readonly Cause[]): { label: string; bytes: number; colour: number }[] {
  const sorted = causes.filter((cause) => cause.bytes > 0).sort((a, b) => b.bytes - a.bytes);
  const rows = sorted.slice(0, kColours).map((cause, index) => ({ label: cause.cause, bytes: cause.bytes, colour: index + 1 }));
  const rest = sorted.slice(kColours);
  if (rest.length === 1) rows.push({ label: rest[0]!.cause, bytes: rest[0]!.bytes, colour: 0 });
  else if (rest.length > 1) rows.push({ label: `${rest.length} smaller causes`, bytes: rest.reduce((sum, cause) => sum + cause.bytes, 0), colour: 0 });
  return rows;
}

// A bar and the table that says the same: the bar is for the eye only.
export function SizeByCause({ causes, whole, caption, verb }: { causes: readonly Cause[]; whole: number; caption: string; verb?: string }) {
  const rows = largest(causes);
  const grown = causes.filter((cause) => cause.bytes < 0);
  const added = -grown.reduce((sum, cause) => sum + cause.bytes, 0);
  return (
    <div class="by-cause">
      <div class="bar" aria-hidden="true">
        {rows.map((row) => <span key={row.label} class={`segment colour-${row.colour}`} style={{ flexGrow: row.bytes }} />)}
        {whole > sum(rows) && verb && <span class="segment kept" style={{ flexGrow: whole - sum(rows) }} />}
      </div>
      <table>
        <caption>{caption}</caption>
        <thead class="visually-hidden"><tr><th scope="col">Cause</th><th scope="col">Bytes</th><th scope="col">Share</th></tr></thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.label}>
              <th scope="row"><span class={`swatch colour-${row.colour}`} aria-hidden="true" />{row.label}</th>
              <td>{verb ? `−${bytes(row.bytes)}` : bytes(row.bytes)}</td>
              <td>{percent(row.bytes, whole)}</td>
            </tr>
          ))}
          {verb && added > 0 && (
            <tr>
              <th scope="row"><span class="swatch kept" aria-hidden="true" />what the new form needs</th>
              <td>+{bytes(added)}</td>
              <td>{percent(added, whole)}</td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
const sum = (rows: { bytes: number }[]) => rows.reduce((total, row) => total + row.bytes, 0);

export function Notes({ title, items }: { title: string; items: readonly string[] }) {
  if (items.length === 0) return null;
  return (
    <details class="notes" open={items.length <= 3}>
      <summary>{title} ({items.length})</summary>
      <ul>{items.map((item) => <li key={item}>{item}</li>)}</ul>
    </details>
  );
}
