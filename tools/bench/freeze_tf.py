"""freeze_tf.py MODEL OUT.pb: what TensorFlow does for a frozen graph: load, convert_variables_to_constants_v2, save.

The shortest way that gives a graph of constants; nothing is quantized, so TensorFlow has less to do than Whittle.
"""
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

model, out = sys.argv[1:]
loaded = tf.saved_model.load(model)
frozen = convert_variables_to_constants_v2(loaded.signatures["serving_default"])
tf.io.write_graph(frozen.graph.as_graph_def(), os.path.dirname(out), os.path.basename(out), as_text=False)
