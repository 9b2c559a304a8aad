// What the build provides (embed.ts, vite.config.ts), and what TypeScript's DOM library does not know yet.
declare const WHITTLE_VERSION: string;

declare module 'virtual:whittle-wasm' {
  const packed: string;
  export default packed;
}
declare module 'virtual:sample' {
  const sample: { name: string; files: [path: string, packed: string][] };
  export default sample;
}
declare module '*.css';

// The package's rules for names of files and for thrown values, not part of its public interface.
declare module '*/wasm/js/names.mjs' {
  export function isJunk(path: string): boolean;
  export function checkCount(count: number): void;
}
declare module '*/wasm/js/errors.mjs' {
  export { WhittleError } from 'whittle-tf';
  export function toWhittleError(thrown: unknown, place?: string): import('whittle-tf').WhittleError;
}

interface DataTransferItem {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
}
interface Window {
  showDirectoryPicker?(options?: { id?: string; mode?: 'read' | 'readwrite' }): Promise<FileSystemDirectoryHandle>;
}
interface Uint8ArrayConstructor {
  fromBase64?(text: string): Uint8Array<ArrayBuffer>;
}
