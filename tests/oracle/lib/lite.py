"""The TFLite converter, and its interpreter on what it made. Runs in a "lite" worker: MLIR may end the process."""
import numpy as np
import tensorflow as tf

from .worker import first_line

tf.get_logger().setLevel("ERROR")


def run(path, loader, tags, signatures, feeds, grappler=True):
    """As loaders.run, for the first signature that has a feed; an answer with "converted" alone where the interpreter has no such op."""
    name = feeds[0][0]
    try:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(path), signature_keys=[name], tags=set(tags))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        model = converter.convert()
    except Exception as error:
        return {"load": first_line(error)}
    answers = []
    for signature, feed in feeds:
        if signature != name:
            answers.append({"skipped": "one signature is converted"})
            continue
        try:
            runner = tf.lite.Interpreter(model_content=model, num_threads=1).get_signature_runner(name)
            feed = {k: v.astype("S") if v.dtype.kind == "O" else v for k, v in feed.items()}
            answers.append({"outputs": {k: np.asarray(v) for k, v in runner(**feed).items()}})
        except Exception as error:
            answers.append({"skipped": "converts, does not run: " + first_line(error)})
    return {"answers": answers, "bytes": len(model)}
