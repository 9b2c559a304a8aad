#!/usr/bin/env python3
"""Stands in for `whittle` in self_test.py: copies the model, and does one thing wrong. STAND_IN names it (see MODES)."""
import json
import os
import random
import shutil
import sys
from pathlib import Path


def nothing(out, report):
    pass


def small_noise(out, report):
    """A weight off by a part in a thousand."""
    from tensorflow.core.framework import graph_pb2
    from tensorflow.python.framework import tensor_util
    graph = graph_pb2.GraphDef.FromString(out.read_bytes())
    value = next(n for n in graph.node if n.name == "pointwise/w").attr["value"].tensor
    value.CopyFrom(tensor_util.make_tensor_proto(tensor_util.MakeNdarray(value) * 1.001))
    out.write_bytes(graph.SerializeToString(deterministic=True))


def edit_meta(out, change):
    from tensorflow.core.protobuf import saved_model_pb2
    proto = saved_model_pb2.SavedModel.FromString((out / "saved_model.pb").read_bytes())
    change(proto.meta_graphs[0])
    (out / "saved_model.pb").write_bytes(proto.SerializeToString(deterministic=True))


def lost_signature(out, report):
    edit_meta(out, lambda meta: meta.signature_def.pop("serving_default"))


def renamed_output(out, report):
    def change(meta):
        outputs = meta.signature_def["serving_default"].outputs
        outputs["z"].CopyFrom(outputs.pop("y"))
    edit_meta(out, change)


def unknown_op(out, report):
    def change(meta):
        meta.graph_def.node.add(name="later", op="UniformQuantize")
    edit_meta(out, change)


def lost_shard(out, report):
    (out / "variables" / "variables.data-00000-of-00001").unlink()


def bigger(out, report):
    (out / "assets.extra").mkdir()
    (out / "assets.extra" / "more").write_bytes(bytes(100))


def restless(out, report):
    (out / "saved_model.pb").write_bytes((out / "saved_model.pb").read_bytes() + bytes([0x92, 0x3F, 1, random.randrange(256)]))


def lying(out, report):
    report["output"]["bytes"] = 1


MODES = {f.__name__: f for f in (nothing, small_noise, lost_signature, renamed_output, unknown_op, lost_shard, bigger, restless, lying)}


def main():
    mode, source, out = os.environ["STAND_IN"], Path(sys.argv[2]), Path(sys.argv[sys.argv.index("-o") + 1])
    if mode == "refusing":
        print(json.dumps({"error": {"code": "unsupported", "message": "I would rather not", "where": ["node x"]}}))
        return 1
    if mode == "silent":
        print("Segmentation fault", file=sys.stderr)
        return 139
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, out)
    report = {"schema": "whittle-report/1", "output": {}, "tensors": [], "eligible_bytes": 0, "quantized_bytes": 0}
    if mode != "lying":
        MODES[mode](out, report)
    report["output"]["bytes"] = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) if out.is_dir() else out.stat().st_size
    if mode == "lying":
        lying(out, report)
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
