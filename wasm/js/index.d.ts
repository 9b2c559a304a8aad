// whittle-tf: makes TensorFlow SavedModels smaller, in the browser and in Node.
//
//   const optimizer = await createOptimizer();
//   const model = await optimizer.open(source);
//   const sink = zip();
//   const report = await model.optimize({ preset: 'int8', sink, signal, onProgress });
//   optimizer.close();                       // sink.blob stays valid
//
// Everything runs in workers of this machine; nothing is sent anywhere. docs/javascript.md is the manual.

export type ErrorCode =
  | 'invalid_argument' | 'corrupt' | 'unsupported' | 'not_found' | 'limit'
  | 'io' | 'bound_missed' | 'cancelled' | 'internal';

/** Every failure, also of `signal` and `close()` (code `cancelled`). */
export class WhittleError extends Error {
  constructor(code: ErrorCode, message: string, where?: readonly string[]);
  readonly code: ErrorCode;
  /** Innermost place first: `["node conv1/BiasAdd", "saved_model.pb"]`. */
  readonly where: readonly string[];
  /** `"corrupt: footer too short (12 of 48 bytes), in variables.index"` */
  toString(): string;
  toJSON(): { code: ErrorCode; message: string; where: string[] };
}

export interface OptimizerOptions {
  /** Workers that move weights, 1 to 64. Default: one a core, at most 4. The result does not depend on it. */
  workers?: number;
  /**
   * The module, where it is not beside the package's files (strict pages, single files): its bytes, a
   * WebAssembly.Module, a Response, a URL, or a promise of one.
   */
  wasm?: object | string;
}

/** Throws WhittleError('unsupported') where WebAssembly SIMD or workers are missing or blocked. */
export function createOptimizer(options?: OptimizerOptions): Promise<Optimizer>;

export interface Optimizer {
  /**
   * Reads what is in the model, not its weights. Folders are walked (at most 50,000 files); the SavedModel may lie
   * deeper inside. A path is Node only.
   */
  open(source: Source, options?: OpenOptions): Promise<Model>;
  /** The tables of the core: what presets, transforms, schemes and kernels there are. */
  list(what: 'presets' | 'transforms' | 'schemes' | 'kernels'): Promise<Listing[]>;
  /** Rejects what is running with `cancelled`, ends the workers. May be called twice. */
  close(): Promise<void>;
  readonly version: string;
  /** Bytes of WebAssembly memory of the worker that has the most, for measuring; 0 before the first run and after close(). */
  readonly heapBytes: number;
}

/** A path (Node), a FileList or list of Files, a handle, or files by their relative paths. */
export type Source = string | ArrayLike<ListedFile> | DirectoryHandle | FileHandle | ReadonlyMap<string, Blob | Uint8Array>;

// As much of the browsers' types as is needed: programs for Node compile without TypeScript's DOM library.
/** A File. */
export interface ListedFile extends Blob { readonly name: string; readonly webkitRelativePath?: string }
/** A FileSystemDirectoryHandle. */
export interface DirectoryHandle { readonly kind: 'directory'; readonly name: string }
/** A FileSystemFileHandle. */
export interface FileHandle { readonly kind: 'file'; readonly name: string }

export interface OpenOptions {
  /** Tags of the meta graph that `summary` describes. Default: the serving graph. */
  tags?: string[];
  /** false: do not inspect; `summary` is null. */
  summary?: boolean;
  signal?: AbortSignal;
}

export interface Model {
  /** Name of the folder or file. */
  readonly name: string;
  readonly files: readonly { path: string; size: number }[];
  readonly summary: Summary;
  /** Calls on one optimizer queue. Nothing is left in the sink when it rejects. */
  optimize(options: OptimizeOptions): Promise<Report>;
  /** Runs both on the same inputs and compares what comes out. `other`: opened by the same optimizer, of any format. */
  compare(other: Model, options?: CompareOptions): Promise<Comparison>;
  /** Runs a signature on samples that lie in one of the model's files, in Whittle's own evaluator. */
  evaluate(samples: Samples, options?: { signal?: AbortSignal }): Promise<Evaluation>;
}

/** Samples as one array of uint8 values; each is multiplied by `scale` and fed as float32. */
export interface Samples {
  /** Path of the file among the model's files. */
  file: string;
  signature?: string;
  input?: string;
  output?: string;
  count: number;
  /** Of one sample. */
  shape: number[];
  offset?: number;
  scale?: number;
  /** Offset of `count` uint8 class numbers: the report then says how many the largest output hits. */
  labels?: number;
}

export interface Evaluation {
  schema: string;
  signature: string;
  count: number;
  correct?: number;
  shape: number[];
  output: number[];
}

export type Preset = 'exact' | 'float' | 'half' | 'int8';

export interface OptimizeOptions {
  sink: Sink;
  /** One of the three; default: preset 'int8'. */
  preset?: Preset;
  /** `"fold_constants(ignore_errors=true) quantize_weights"` */
  transforms?: string;
  /** As in a report's `recipe`. */
  recipe?: Recipe;
  format?: 'saved_model' | 'graph_def';
  form?: 'frozen';
  tags?: string[];
  /** Keep only these signatures. Default: all. */
  signatures?: string[];
  /** Instead of signatures: names of tensors to feed and to fetch. */
  inputs?: string[];
  outputs?: string[];
  keepDevices?: boolean;
  /**
   * How many sets of inputs original and result are run on before anything is written; true (default): as many as are
   * cheap; false: none. A missed bound rejects with `bound_missed`.
   */
  verify?: boolean | number;
  /** Inputs for that, .npz, .npy, .json or .png. Default: the model's warm-up requests, else noise. */
  samples?: SampleFile | SampleFile[];
  /** Decibels that every float output must reach in every probe. Default: by recipe (docs/report.md). */
  minSqnr?: number;
  /** Share of equal answers, 0 to 1. */
  minAgreement?: number;
  /** Names of nodes: the report's `explained` tells what each transform did to them. */
  explain?: string[];
  /** Run only the first N transforms, to find the one that goes wrong. */
  stopAfter?: number;
  /** A missed bound is only reported. */
  keepAnyway?: boolean;
  /** Replace what the sink's folder or file holds, after success. */
  force?: boolean;
  signal?: AbortSignal;
  onProgress?(progress: Progress): void;
}

/** A path (Node), a File, or a handle of one. */
export type SampleFile = string | ListedFile | FileHandle;

export interface CompareOptions {
  tags?: string[];
  signatures?: string[];
  verify?: boolean | number;
  samples?: SampleFile | SampleFile[];
  minSqnr?: number;
  minAgreement?: number;
  signal?: AbortSignal;
  onProgress?(progress: Progress): void;
}

export type VerifyState = 'same' | 'close' | 'missed' | 'not runnable' | 'skipped';

/** What running two models told; docs/report.md has every field. */
export interface Verification {
  state: VerifyState;
  why: string | null;
  /** One sentence for people. */
  summary: string;
  bound: { max_relative_error: number | null; min_sqnr_db: number | null; min_median_sqnr_db: number | null; min_agreement: number | null };
  signatures: {
    key: string;
    state: VerifyState;
    why: string | null;
    probes: number;
    source: string;
    outputs: {
      key: string; dtype: string; equal: boolean; sqnr_db: number | null; median_sqnr_db: number | null; max_error: number;
      relative_error: number; cosine: number | null; agreement: number | null; kl: number | null; problem: string | null; missed: boolean;
    }[];
    first_difference: { node: string; op: string; relative_error: number; sqnr_db: number | null } | null;
  }[];
}

/** `whittle-comparison/1` */
export interface Comparison extends Verification {
  schema: string;
  a: { path?: string; format: string; bytes: number; nodes: number };
  b: { path?: string; format: string; bytes: number; nodes: number };
  warnings: string[];
}

export interface Progress {
  /** `reading`, `scanning`, `writing` or another short word. */
  phase: string;
  /** 0 to 1 over the whole run; never falls. */
  fraction: number;
  /** Bytes of weights moved in this phase; 0 of 0 while planning. */
  bytesDone: number;
  bytesTotal: number;
}

/** Where the result goes. A sink serves one run. */
export type Sink = DirectorySink | ZipSink | MemorySink;
/** A new or empty folder: a path (Node) or a handle that may be written (browser). */
export function directory(target: string | DirectoryHandle): DirectorySink;
/**
 * A zip, stored, with one top folder. Without a target `blob` holds it afterwards; else a path (Node) or a stream.
 * In browsers the blob may lie on disk: it is valid until the optimizer opens another model or the page is left.
 */
export function zip(target?: string | WritableStream<Uint8Array>, options?: { name?: string }): ZipSink;
/** Everything in memory; `files` holds it afterwards. */
export function memory(): MemorySink;
export interface DirectorySink { readonly kind: 'directory'; readonly path?: string }
export interface ZipSink { readonly kind: 'zip'; readonly blob: Blob | null; readonly size: number }
export interface MemorySink { readonly kind: 'memory'; readonly files: Map<string, Uint8Array> }

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Recipe = { [key: string]: Json };
export interface Listing { name?: string; summary?: string; [key: string]: Json | undefined }

/** Bytes and nodes that went; negative where something grew. */
export interface Cause { cause: string; bytes: number; nodes: number }
export interface Endpoint { key: string; name: string; dtype: string; shape: (number | null)[] | null }
export interface SignatureInfo { key: string; method_name: string; inputs: Endpoint[]; outputs: Endpoint[] }

/** `whittle-inspection/1`; docs/report.md has every field. */
export interface Summary {
  schema: string;
  input: { path?: string; format: string; bytes: number; tags: string[]; tensorflow_version: string };
  tag_sets: string[][];
  nodes: number;
  functions: number;
  files: { path: string; bytes: number }[];
  ops: { op: string; count: number }[];
  causes: Cause[];
  tensors: { name: string; bytes: number }[];
  signatures: SignatureInfo[];
  assets: string[];
  warnings: string[];
  /** What a frozen result loses: names of functions that are no signature. */
  lost: string[];
  opaque_ops: string[];
}

export interface TensorReport {
  name: string;
  dtype: string;
  shape: number[];
  bytes_before: number;
  bytes_after: number;
  /** `none` when it stayed as it was; then `reason` says why. */
  scheme: string;
  sqnr_db: number | null;
  max_error: number | null;
  reason: string | null;
}

/** `whittle-report/1`; docs/report.md has every field. */
export interface Report {
  schema: string;
  input: { path?: string; format: string; bytes: number; tags: string[]; tensorflow_version: string };
  output: { path?: string; format: string; form: string; bytes: number; files: number; zipped_bytes?: number };
  recipe: Recipe;
  nodes: { before: number; after: number };
  bytes: { before: number; after: number };
  causes: Cause[];
  passes: { name: string; patches: number; rolled_back: boolean; why: string | null; nodes_removed: number; bytes_removed: number }[];
  tensors: TensorReport[];
  eligible_bytes: number;
  quantized_bytes: number;
  warnings: string[];
  signatures: SignatureInfo[];
  lost: string[];
  opaque_ops: string[];
  explained: { node: string; pass: string | null; what: string }[];
  verification: Verification;
  verdict: string;
}
