// whittle-tf in Node; index.d.ts says what it offers.

import { createOptimizer as create } from './optimizer.mjs';
import { platform } from './platform_node.mjs';
import { MemorySink, ZipSink } from './sinks.mjs';
import { DirectoryPathSink, FilePathSink, ZipPathSink } from './sinks_node.mjs';

export const createOptimizer = (options) => create(platform, options);
export const directory = (path) => new DirectoryPathSink(path);
export const zip = (target, options = {}) =>
  (typeof target === 'string' ? new ZipPathSink(target, options) : new ZipSink(target, options.name));
export const memory = () => new MemorySink();
// For the command: `-o x.pb`.
export const file = (path) => new FilePathSink(path);
export { toWhittleError, WhittleError } from './errors.mjs';
