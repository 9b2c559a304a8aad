"""start_tf.py MODEL RESULT.json: how long TensorFlow takes from a folder to the first answer; {"import", "load", "first"} in seconds.

Inputs are zeros, one of each unknown dimension: the answer does not matter here.
"""
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
marks = [time.perf_counter()]
import tensorflow as tf

marks.append(time.perf_counter())
loaded = tf.saved_model.load(sys.argv[1])
marks.append(time.perf_counter())
serve = loaded.signatures["serving_default"]
feeds = {
    key: tf.zeros([1 if size is None else size for size in spec.shape], spec.dtype)
    for key, spec in serve.structured_input_signature[1].items()
}
for value in serve(**feeds).values():
    value.numpy()
marks.append(time.perf_counter())
with open(sys.argv[2], "w") as file:
    json.dump(dict(zip(("import", "load", "first"), (b - a for a, b in zip(marks, marks[1:])))), file)
