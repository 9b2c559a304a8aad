"""Other ways by which people reach a SavedModel. Runs in a "py" worker.

    cli      what `saved_model_cli run` does: its own functions, inputs from an .npz, outputs as .npy
    keras    keras.layers.TFSMLayer over a signature with one input
    resave   tf.saved_model.load, tf.saved_model.save with its signatures, loaded again

Answers as loaders.run; {"skipped": reason} where the way itself cannot take such a signature.
"""
import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from .loaders import Object2, constant, taken_apart
from .worker import first_line


def run(path, loader, tags, signatures, feeds, grappler=True):
    with tempfile.TemporaryDirectory() as spare:
        try:
            answer = {"cli": Cli, "keras": Keras, "resave": Resaved}[loader](path, tags, Path(spare))
        except Exception as error:
            return {"load": first_line(error)}
        answers = []
        for name, feed in feeds:
            signature = dict(signatures[name], name=name)
            try:
                reason = answer.cannot(signature)
                answers.append({"skipped": reason} if reason else {"outputs": answer.answer(signature, feed)})
            except Exception as error:
                answers.append({"error": first_line(error)})
        return {"answers": answers}


def dense(signature):
    return all("" in info["parts"] for side in ("inputs", "outputs") for info in signature[side].values())


class Cli:
    def __init__(self, path, tags, spare):
        from tensorflow.python.tools import saved_model_cli
        self.tool, self.path, self.tags, self.spare = saved_model_cli, str(path), ",".join(tags), spare

    def cannot(self, signature):
        if not self.tags:
            return "saved_model_cli wants a tag"
        if not dense(signature):
            return "saved_model_cli takes dense tensors"
        return "" if signature["outputs"] and not any("/" in k for k in signature["outputs"]) else "no output that it could write to a file"

    def answer(self, signature, feed):
        keys = sorted(feed)
        np.savez(self.spare / "in.npz", **{f"a{i}": feed[k].astype("S") if feed[k].dtype.kind == "O" else feed[k] for i, k in enumerate(keys)})
        argument = ";".join(f"{k}={self.spare / 'in.npz'}[a{i}]" for i, k in enumerate(keys))
        out = self.spare / "out"
        with contextlib.redirect_stdout(io.StringIO()):
            inputs = self.tool.load_inputs_from_input_arg_string(argument, "", "") if argument else {}
            self.tool.run_saved_model_with_feed_dict(self.path, self.tags, signature["name"], inputs, str(out), True)
        found = {f.stem: np.load(f, allow_pickle=True) for f in out.iterdir() if f.stem in signature["outputs"]}
        return {k: v.astype(np.float32) if v.dtype.name in ("bfloat16", "void16") else v for k, v in found.items()}


class Keras:
    def __init__(self, path, tags, spare):
        self.path = str(path)

    def cannot(self, signature):
        return "" if dense(signature) and len(signature["inputs"]) == 1 else "TFSMLayer calls a signature with one dense input"

    def answer(self, signature, feed):
        import keras
        layer = keras.layers.TFSMLayer(self.path, call_endpoint=signature["name"])
        (key, info), = signature["inputs"].items()
        result = layer(constant(feed[key], tf.as_dtype(info["dtype"])))
        result = result if isinstance(result, dict) else dict(zip(signature["outputs"], [result]))
        found = {}
        for name, value in result.items():
            found.update(taken_apart(name, tf.convert_to_tensor(value)))
        return found


class Resaved:
    def __init__(self, path, tags, spare):
        model = tf.saved_model.load(str(path), tags=list(tags))
        tf.saved_model.save(model, str(spare / "again"), signatures=dict(model.signatures))
        self.model = Object2(spare / "again", ["serve"], True)

    def cannot(self, signature):
        return ""

    def answer(self, signature, feed):
        return self.model.answer(signature, feed)
