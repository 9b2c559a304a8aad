"""Is an output chaotic? The same noise as a scheme's, drawn by chance instead. Runs in a "py" worker.

A net may amplify any disturbance of its weights; then a low SQNR of an output says nothing about the scheme. The test
(decisions, Judging): Gaussian noise of each tensor's own SQNR on the float weights of Whittle's `float` result, three seeds, in
TensorFlow. Where that hurts the output as much as the codes did, the row is chaotic.
"""
import shutil
import zlib
from pathlib import Path

import numpy as np

from .describe import read_graph, read_saved_model
from tensorflow.python.framework import tensor_util


def disturb(graph, sqnr_by_name, seed):
    """Adds the noise in place; how many of the named tensors are constants here."""
    found = 0
    for nodes in [graph.node, *[f.node_def for f in graph.library.function]]:
        for node in nodes:
            if node.op != "Const" or node.name not in sqnr_by_name:
                continue
            weights = tensor_util.MakeNdarray(node.attr["value"].tensor)
            if weights.dtype.kind != "f":
                continue
            rng = np.random.default_rng([seed, zlib.crc32(node.name.encode())])
            power = float(np.mean(weights.astype(np.float64) ** 2)) * 10 ** (-sqnr_by_name[node.name] / 10)
            noisy = (weights + rng.normal(0, power ** 0.5, weights.shape)).astype(weights.dtype)
            node.attr["value"].tensor.CopyFrom(tensor_util.make_tensor_proto(noisy))
            found += 1
    return found


def noisy_copy(path, kind, out, sqnr_by_name, seed):
    """A copy of the float result at `out` with noise on its weights: {"found": how many of the tensors}."""
    out = Path(out)
    if kind == "graph":
        graph = read_graph(path)
        found = disturb(graph, sqnr_by_name, seed)
        out.write_bytes(graph.SerializeToString(deterministic=True))
        return {"found": found}
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(path, out)
    proto = read_saved_model(path)
    found = sum(disturb(meta.graph_def, sqnr_by_name, seed) for meta in proto.meta_graphs)
    (out / "saved_model.pb").write_bytes(proto.SerializeToString(deterministic=True))
    return {"found": found}
