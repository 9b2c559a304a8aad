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

// A bar and the table that says the same: the bar is for the eye only. With `left`, the causes are what went, and that is
// what remains of `whole`.
export function SizeByCause({ id, causes, whole, title, left }:
  { id: string; causes: readonly Cause[]; whole: number; title: string; left?: number }) {
  const rows = largest(causes);
  const added = -sum(causes.filter((cause) => cause.bytes < 0));
  return (
    <div class="by-cause">
      <h3 id={`${id}-causes`}>{title}</h3>
      <div class="bar" aria-hidden="true">
        {rows.map((row) => <span key={row.label} class={`segment colour-${row.colour}`} style={{ flexGrow: row.bytes }} />)}
        {left !== undefined && whole > sum(rows) && <span class="segment kept" style={{ flexGrow: whole - sum(rows) }} />}
      </div>
      <table aria-labelledby={`${id}-causes`}>
        <thead class="visually-hidden"><tr><th scope="col">Cause</th><th scope="col">Bytes</th><th scope="col">Share</th></tr></thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.label}>
              <th scope="row"><span class={`swatch colour-${row.colour}`} aria-hidden="true" />{row.label}</th>
              <td>{left === undefined ? bytes(row.bytes) : `−${bytes(row.bytes)}`}</td>
              <td>{percent(row.bytes, whole)}</td>
            </tr>
          ))}
          {left !== undefined && added > 0 && (
            <tr><th scope="row"><span class="swatch" aria-hidden="true" />added by the new form</th><td>+{bytes(added)}</td><td>{percent(added, whole)}</td></tr>
          )}
          {left !== undefined && (
            <tr><th scope="row"><span class="swatch kept" aria-hidden="true" />what is left</th><td>{bytes(left)}</td><td>{percent(left, whole)}</td></tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
const sum = (rows: { bytes: number }[]) => rows.reduce((total, row) => total + row.bytes, 0);

// A path may break after its slashes.
export const Path = ({ name }: { name: string }) => <code>{name.split(/(?<=\/)/).map((part, index) => <>{index > 0 && <wbr />}{part}</>)}</code>;

const kNotes = 200;
export function Notes({ title, items }: { title: string; items: readonly string[] }) {
  if (items.length === 0) return null;
  return (
    <details class="notes" open={items.length <= 3}>
      <summary>{title} ({items.length})</summary>
      <ul>
        {items.slice(0, kNotes).map((item) => <li key={item}>{item}</li>)}
        {items.length > kNotes && <li key="">and {items.length - kNotes} more</li>}
      </ul>
    </details>
  );
}
