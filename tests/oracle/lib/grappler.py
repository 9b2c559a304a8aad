"""TensorFlow's own graph optimizer as a yardstick: how many nodes a signature comes to. Runs in a "py" worker.

The original is frozen for one signature (convert_variables_to_constants_v2, control flow left functional as Whittle leaves it; where
that is not possible the Session's converter, at last with control flow lowered to Switch and Merge) and given to Grappler with the optimizers of decisions, "Judging": no remapper, which
makes ops that may not be written. Both sides are counted alike: nodes that the fetches reach, the feeds, and once each the functions
reached from there. What runs at load (tables, written variables) counts on neither side.
"""
import collections
from pathlib import Path

from . import loaders
from .describe import graph_of
from .worker import first_line
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.python.grappler import tf_optimizer

v1 = tf.compat.v1
OPTIMIZERS = ("function", "pruning", "constfold", "arithmetic", "dependency")


def node_of(name):
    return name.lstrip("^").partition(":")[0]


def functions_of(node, known):
    found = {node.op} & known
    for value in node.attr.values():
        names = [value.func.name] if value.HasField("func") else [f.name for f in value.list.func]
        found |= set(names) & known
    return found


def count(graph, feeds, fetches):
    """{"nodes": how many, "ops": {op: how many}} of what the fetches (tensor names) need."""
    nodes, library = {n.name: n for n in graph.node}, {f.signature.name: f for f in graph.library.function}
    wanted, seen = [node_of(f) for f in fetches], {node_of(f) for f in feeds} & set(nodes)
    fed = set(seen)
    while wanted:
        name = wanted.pop()
        if name in fed or (name in seen and name not in fed):
            continue
        seen.add(name)
        wanted += [node_of(i) for i in nodes[name].input]
    reached, functions = [nodes[n] for n in seen], set()
    ops, new = collections.Counter(n.op for n in reached), {f for n in reached for f in functions_of(n, set(library))}
    while new:
        functions |= new
        bodies = [n for f in new for n in library[f].node_def]
        ops.update(n.op for n in bodies)
        new = {f for n in bodies for f in functions_of(n, set(library))} - functions
    return {"nodes": sum(ops.values()), "ops": dict(ops)}


def parts(signature, side):
    return [name for info in signature[side].values() for name in info["parts"].values()]


def frozen_v2(path, tags, name, lower=False):
    loaded = tf.saved_model.load(str(path), tags=list(tags))   # kept: it owns the variables
    function = loaded.signatures[name]
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=lower)
    captured = {t.name for t in frozen.graph.internal_captures}
    tensors = lambda structured: [t for s in structured for t in tf.nest.flatten(s, expand_composites=True)]
    return frozen.graph.as_graph_def(), [t.name for t in frozen.inputs if t.name not in captured], [t.name for t in tensors(frozen.outputs)]


def frozen_v1(path, tags, signature):
    graph = tf.Graph()
    with graph.as_default(), loaders.session(graph, False) as session:
        v1.saved_model.load(session, list(tags), str(path))
        fetches = parts(signature, "outputs")
        keep = sorted({node_of(f) for f in fetches})
        definition = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(add_shapes=False), keep)
    return definition, parts(signature, "inputs"), fetches


def optimized(graph, feeds, fetches):
    """What Grappler makes of a GraphDef."""
    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph, name="")
        meta = v1.train.export_meta_graph(graph_def=graph, graph=imported)
        present = {n.name for n in graph.node}
        for side, names in (("inputs", feeds), ("outputs", fetches)):
            entries = getattr(meta.signature_def["counted"], side)
            for name in names:
                if node_of(name) in present:
                    full = name if ":" in name else name + ":0"
                    entries[full].CopyFrom(v1.saved_model.utils.build_tensor_info(imported.get_tensor_by_name(full)))
    config = v1.ConfigProto()
    rewrite = config.graph_options.rewrite_options
    rewrite.optimizers.extend(OPTIMIZERS)
    rewrite.min_graph_nodes = -1
    return tf_optimizer.OptimizeGraph(config, meta)


def grappler(path, kind, tags, name, signature):
    """{"nodes", "ops", "frozen": how the original was frozen} or {"error": sentence}."""
    tried = []
    if kind == "graph":
        ways = {"graph": lambda: (graph_of(path, kind, tags), parts(signature, "inputs"), parts(signature, "outputs"))}
    else:
        ways = {"v2": lambda: frozen_v2(path, tags, name), "v1": lambda: frozen_v1(path, tags, signature),
                "lowered": lambda: frozen_v2(path, tags, name, lower=True)}
    for way, freeze in ways.items():
        try:
            graph, feeds, fetches = freeze()
            return {**count(optimized(graph, feeds, fetches), feeds, fetches), "frozen": way}
        except Exception as error:
            tried.append(f"{way}: {first_line(error)}")
    return {"error": "; ".join(tried)}


def count_result(path, kind, tags, signature):
    """The same count of a model as it lies there."""
    return count(graph_of(Path(path), kind, tags), parts(signature, "inputs"), parts(signature, "outputs"))
