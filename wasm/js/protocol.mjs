// What the page or program (client) and its workers say to each other: one table for both ends.
//
//   client → worker                                     worker → client
//   init     {module, number, options}                  ready    {version} | failed
//   files    {files: [{path, size, source}], folder}    -                              before each plan and its tasks
//   plan     {request}                                  progress {phase, fraction}*, then one of:
//                                                       jobs     {jobs}                run them, send results
//                                                       planned  {outputs, jobs}       run them, send results and resume
//                                                       done     {report}
//                                                       failed   {error, trap}
//   results  {results: [{id, result}], resume}          as for plan, once resume is set
//   literals {targets: [{file, segment, target}]}       literals {pieces: [piece]}
//   task     {task: {id, descriptor, pieces, target}}   moved {id, bytes}*, worked {id, result, piece, heap} | failed {id, …}
//   ack      {bytes}                                    -                              frees room for chunks
//   end      {}                                         ended    {}                    files and parts are closed
//   cancel   {}                                         failed   {error: cancelled}, if there was anything to cancel
//
// source   a path (Node) or a Blob. folder: of the session in the origin-private file system, for targets of kind 'part'
// target   where a task's output goes: {kind: 'file', path, name, offset} | {kind: 'part'} | {kind: 'chunk', file, offset},
//          each with {size, crc: whether it is wanted}; a task without target only has a result (a scan); one without descriptor copies.
// chunk    {target, offset, bytes}: worker → client, transferred; acknowledged by `ack`
// piece    {size, crc, parts}: what was written; parts are for kind 'part': {name, offset, size} in the session's folder,
//          or {blob}.
// heap     bytes of the worker's wasm memory, which never shrinks: the client replaces a worker above HEAP_LIMIT.

export const HEAP_LIMIT = 512 << 20;
// A worker that has not stopped this long after `cancel` is terminated.
export const CANCEL_MS = 150;
// Tasks sent ahead to each worker, so that it need not wait for the client between two small ones.
export const TASKS_AHEAD = 2;
// Unacknowledged bytes of chunks that a worker may have on the way: two windows, 128 MB for the most workers.
export const CHUNK_AHEAD = 2 << 20;
// The longest that a worker computes between two turns of its event loop.
export const SLICE_MS = 40;
