"""TensorFlow's own Python loaders, run with Grappler on or off. Runs in a "py" worker.

    tf2     tf.saved_model.load, its signatures called
    v1      tf.compat.v1.saved_model.load into a Session (what saved_model_cli run uses)
    graph   tf.import_graph_def of a frozen GraphDef

run() loads a model once and answers every feed in order; a model that counts its calls so gives the same answers each time.
One thread for everything: the order in which a sum is taken must not depend on the machine's load.
"""
import numpy as np
import tensorflow as tf

from .worker import first_line

v1 = tf.compat.v1
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.get_logger().setLevel("ERROR")


def session(graph, grappler):
    config = v1.ConfigProto(allow_soft_placement=True, intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    config.graph_options.rewrite_options.disable_meta_optimizer = not grappler
    return v1.Session(graph=graph, config=config)


def as_array(value):
    """bfloat16 has no name in NumPy and no bytes in a comparison: widened, which is exact."""
    value = np.asarray(value)
    return value.astype(np.float32) if value.dtype.name == "bfloat16" else value


def named(signature, feed):
    """A feed's arrays by tensor name."""
    names = {key + suffix: name for key, info in signature["inputs"].items() for suffix, name in info["parts"].items()}
    return {names[key]: value for key, value in feed.items()}


def fetched(signature):
    return {key + suffix: name for key, info in signature["outputs"].items() for suffix, name in info["parts"].items()}


class Session1:
    def __init__(self, path, tags, grappler):
        self.graph = tf.Graph()
        with self.graph.as_default():
            v1.set_random_seed(1)
            self.session = session(self.graph, grappler)
            v1.saved_model.load(self.session, list(tags), str(path))

    def answer(self, signature, feed):
        fetches = fetched(signature)
        return {k: as_array(v) for k, v in self.session.run(fetches, named(signature, feed)).items()} if fetches else {}

    def close(self):
        self.session.close()


class Frozen(Session1):
    def __init__(self, path, tags, grappler):
        from .describe import read_graph
        self.graph = tf.Graph()
        with self.graph.as_default():
            v1.set_random_seed(1)
            tf.import_graph_def(read_graph(path), name="")
            self.session = session(self.graph, grappler)


class Object2:
    def __init__(self, path, tags, grappler):
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not grappler})
        tf.random.set_seed(1)
        self.model = tf.saved_model.load(str(path), tags=list(tags))

    def answer(self, signature, feed):
        """A TF1 signature takes the parts of a composite tensor as arguments of their own, a TF2 one the tensor."""
        function = self.model.signatures[signature["name"]]
        expected = function.structured_input_signature[1]
        arguments = {}
        for key, info in signature["inputs"].items():
            parts = {suffix: constant(feed[key + suffix], part_dtype(suffix, info)) for suffix in info["parts"]}
            if "" in parts:
                arguments[key] = parts[""]
            elif key + "_indices" in expected:
                arguments.update({key + suffix.replace("/", "_"): part for suffix, part in parts.items()})
            elif key + "_component_0" in expected:
                arguments.update({f"{key}_component_{i}": part for i, part in enumerate(parts.values())})
            elif "/indices" in parts:
                arguments[key] = tf.SparseTensor(parts["/indices"], parts["/values"], parts["/dense_shape"])
            else:
                values, *splits = parts.values()
                arguments[key] = tf.RaggedTensor.from_nested_row_splits(values, splits)
        found = {}
        for key, value in function(**arguments).items():
            found.update(taken_apart(key, value))
        return found

    def close(self):
        self.model = None


def part_dtype(suffix, info):
    return tf.as_dtype(info["dtype"]) if info["dtype"] and suffix in ("", "/values") else None


def constant(value, dtype):
    return tf.constant(value.tolist(), tf.string, shape=value.shape) if value.dtype.kind in "OS" else tf.constant(value, dtype)


def taken_apart(key, value):
    if isinstance(value, tf.SparseTensor):
        return {key + "/indices": value.indices.numpy(), key + "/values": as_array(value.values), key + "/dense_shape": value.dense_shape.numpy()}
    if isinstance(value, tf.Tensor):
        return {key: as_array(value.numpy())}
    return {f"{key}/{i}": as_array(part) for i, part in enumerate(tf.nest.flatten(value, expand_composites=True))}


LOADERS = {"tf2": Object2, "v1": Session1, "graph": Frozen}


def run(path, loader, tags, signatures, feeds, grappler=True):
    """feeds: [(signature, {name: array})]. {"load": error} or {"answers": [{name: array} or {"error": sentence}]}."""
    try:
        model = LOADERS[loader](path, tags, grappler)
    except Exception as error:
        return {"load": first_line(error)}
    answers = []
    for name, feed in feeds:
        try:
            answers.append({"outputs": model.answer(dict(signatures[name], name=name), feed)})
        except Exception as error:
            answers.append({"error": first_line(error)})
    model.close()
    return {"answers": answers}


def accuracy(path, images, labels):
    """Right answers of the bundled sample on its held-out images."""
    model = Object2(path, ["serve"], True).model
    scores = model.signatures["serving_default"](image=tf.constant(images))["probabilities"].numpy()
    return {"correct": int(np.sum(scores.argmax(-1) == labels))}
