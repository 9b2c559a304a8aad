"""What a model consists of, read from its protos: signatures, ops, constants. Runs in a "py" worker."""
import collections
from pathlib import Path

from . import loaders  # noqa: F401  (sets TensorFlow up)
from google.protobuf import text_format
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import saved_model_pb2
import numpy as np
import tensorflow as tf

BIG = 1024   # elements: the smallest constant that counts as a weight, the presets' minimum size


def read_saved_model(path):
    proto, path = saved_model_pb2.SavedModel(), Path(path)
    if (path / "saved_model.pb").is_file():
        proto.ParseFromString((path / "saved_model.pb").read_bytes())
    else:
        text_format.Parse((path / "saved_model.pbtxt").read_text(), proto, allow_unknown_field=True)
    return proto


def read_meta(path, tags):
    """The MetaGraph with exactly these tags; the only one where there is one."""
    metas = list(read_saved_model(path).meta_graphs)
    return metas[0] if len(metas) == 1 else next(m for m in metas if set(m.meta_info_def.tags) == set(tags))


def read_graph(path):
    return graph_pb2.GraphDef.FromString(Path(path).read_bytes())


def graph_of(path, kind, tags):
    return read_graph(path) if kind == "graph" else read_meta(path, tags).graph_def


def tensor_info(info):
    """A TensorInfo as plain data: dtype and shape, and the tensor names of each part by its key's suffix."""
    shape = None if info.tensor_shape.unknown_rank else [d.size for d in info.tensor_shape.dim]
    which = info.WhichOneof("encoding")
    if which == "coo_sparse":
        parts = {"/indices": info.coo_sparse.indices_tensor_name, "/values": info.coo_sparse.values_tensor_name,
                 "/dense_shape": info.coo_sparse.dense_shape_tensor_name}
    elif which == "composite_tensor":
        parts = {"/" + c.name: c.name for c in info.composite_tensor.components}
    else:
        parts = {"": info.name}
    dtype = tf.as_dtype(info.dtype).base_dtype.name if info.dtype else ""   # composite tensors leave it out
    return {"dtype": dtype, "shape": shape, "parts": parts}


def signatures_of(meta):
    found = {}
    for name, signature in meta.signature_def.items():
        if not name.startswith("__saved_model_"):
            found[name] = {"method": signature.method_name, "inputs": {k: tensor_info(i) for k, i in signature.inputs.items()},
                           "outputs": {k: tensor_info(i) for k, i in signature.outputs.items()}}
    return found


def constants(graph):
    """Bytes of the constants by dtype, and of the big float32 ones (not those that hold one value throughout)."""
    by_dtype, big = collections.Counter(), 0
    for node in [n for f in graph.library.function for n in f.node_def] + list(graph.node):
        if node.op != "Const":
            continue
        tensor = node.attr["value"].tensor
        count = 1
        for d in tensor.tensor_shape.dim:
            count *= max(d.size, 0)
        dtype = tf.as_dtype(tensor.dtype)
        bytes_stored = len(tensor.tensor_content) if tensor.tensor_content else tensor.ByteSize()
        by_dtype[dtype.name] += bytes_stored
        if dtype == tf.float32 and count >= BIG and bytes_stored >= 4 * BIG:
            big += 4 * count
    return dict(by_dtype), big


def variables(path):
    """Bytes of the big float32 tensors in the bundle, where there is one."""
    if not (Path(path) / "variables" / "variables.index").is_file():
        return 0
    reader = tf.train.load_checkpoint(str(Path(path) / "variables" / "variables"))
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    counts = [int(np.prod(shapes[k])) for k, dtype in dtypes.items() if dtype == tf.float32]
    return sum(4 * count for count in counts if count >= BIG)


def describe(path, kind, tags=()):
    meta = None if kind == "graph" else read_meta(path, tags)
    graph = read_graph(path) if meta is None else meta.graph_def
    bodies = [f.node_def for f in graph.library.function]
    ops = collections.Counter(n.op for nodes in [graph.node, *bodies] for n in nodes)
    by_dtype, big = constants(graph)
    return {"signatures": {} if meta is None else signatures_of(meta), "nodes": sum(ops.values()), "ops": dict(ops),
            "constants": by_dtype, "big_float_bytes": big + variables(path), "producer": graph.versions.producer,
            "written_by": "" if meta is None else meta.meta_info_def.tensorflow_version,
            "tags": [] if meta is None else list(meta.meta_info_def.tags)}


def static(path, kind, tags, oplists):
    """What the op lists (spec ops/tf*.json) find in the graph: {list: [sentences]}."""
    from .static_check import check
    graph = graph_of(path, kind, tags)
    return {name: check(graph, load_oplist(file)) for name, file in oplists.items()}


_oplists = {}


def load_oplist(file):
    import json
    if file not in _oplists:
        _oplists[file] = json.loads(Path(file).read_text())
    return _oplists[file]
