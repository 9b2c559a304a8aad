"""A model without Grappler inside its functions. Runs in a "py" worker.

Switching Grappler off for a session does not reach function bodies: each call node carries a ConfigProto of its own
(attribute config_proto), and the runtime optimizes the body by that one. Measured on basic-pitch: 4e-7 between the two,
and the same bits as its inlined form only with both switched off.
"""
import os
from pathlib import Path

from .describe import read_saved_model
from tensorflow.core.protobuf import config_pb2


def without_grappler():
    config = config_pb2.ConfigProto(allow_soft_placement=True)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config.SerializeToString()


def quiet_copy(path, out):
    """{"path": where to load it from}: a copy at `out` that shares all other files, or the model itself where nothing calls."""
    path, out, config, calls = Path(path), Path(out), without_grappler(), 0
    if path.is_file():
        return {"path": str(path)}
    proto = read_saved_model(path)
    for meta in proto.meta_graphs:
        for nodes in [meta.graph_def.node, *[f.node_def for f in meta.graph_def.library.function]]:
            for node in nodes:
                if "config_proto" in node.attr:
                    node.attr["config_proto"].s = config
                    calls += 1
    if not calls:
        return {"path": str(path)}
    out.mkdir(parents=True)
    for name in os.listdir(path):
        if not name.startswith("saved_model.pb"):
            os.symlink(path.resolve() / name, out / name)
    (out / "saved_model.pb").write_bytes(proto.SerializeToString(deterministic=True))
    return {"path": str(out)}
