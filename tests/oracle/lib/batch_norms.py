"""Batch norms that are left in a result, each with a reason. Runs in a "py" worker; knows TensorFlow's ops and nothing of Whittle.

Found: FusedBatchNorm*, BatchNormWithGlobalNormalization; a Mul by one constant a channel followed by an Add or Sub of another, after a
convolution or product; Rsqrt of a sum with a small constant whose result scales something. The reasons are a closed list (batch_norm_reasons.py); a batch
norm to which none applies has the reason "" and is a finding.
"""
from .batch_norm_reasons import REASONS
from .describe import graph_of, read_meta, signatures_of


FUSED = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "BatchNormWithGlobalNormalization")
LINEAR = ("Conv2D", "DepthwiseConv2dNative", "Conv3D", "Conv2DBackpropInput", "Conv3DBackpropInputV2", "MatMul", "BatchMatMul", "BatchMatMulV2",
          "BatchMatMulV3")
THROUGH = ("Identity", "BiasAdd", "Add", "AddV2", "Sub", "Mul", "Squeeze", "Reshape", "ExpandDims", "BatchToSpaceND", "ConcatV2", "Pad", "SpaceToBatchND")
FLOW = ("Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond")


def name_of(edge):
    return edge.lstrip("^").partition(":")[0]


class View:
    def __init__(self, nodes, outputs):
        self.nodes = {n.name: n for n in nodes}
        self.outputs, self.readers = outputs, {}
        for n in nodes:
            for edge in n.input:
                if not edge.startswith("^"):
                    self.readers.setdefault(name_of(edge), []).append(n)

    def get(self, edge):
        return self.nodes.get(name_of(edge))

    def constant(self, edge):
        node = self.get(edge)
        while node is not None and node.op == "Identity":
            node = self.get(node.input[0])
        return node if node is not None and node.op == "Const" else None

    def data(self, node):
        """The one input that is no constant, or None."""
        moving = [e for e in node.input if not e.startswith("^") and self.constant(e) is None]
        return self.get(moving[0]) if len(moving) == 1 else None

    def depends_on_input(self, node, limit=400):
        """Whether a Mean or a reduction of something that is fed is behind it."""
        seen, todo = set(), [node]
        while todo and len(seen) < limit:
            at = todo.pop()
            if at is None or at.name in seen:
                continue
            seen.add(at.name)
            if at.op in ("Mean", "Sum", "SquaredDifference"):
                return True
            todo += [self.get(e) for e in at.input if not e.startswith("^")]
        return False


def channels_of(constant):
    """Number of values of a constant that has one a channel, 1 for a scalar, None for anything else."""
    shape = [d.size for d in constant.attr["value"].tensor.tensor_shape.dim]
    large = [d for d in shape if d != 1]
    return 1 if not large else large[0] if len(large) == 1 else None


def linear_before(view, node):
    """(the linear op whose output reaches this node unchanged but for scale and shift, a reason why it could not be scaled)."""
    at = view.get(node.input[0]) if node.op in FUSED else view.data(node)
    for _ in range(16):
        if at is None or at.op in FLOW:
            return None, "control flow" if at is not None else ""
        if at.op in LINEAR:
            weight = at.input[1]
            if view.constant(weight) is None:
                return None, "computed parameters"
            if at.name in view.outputs:
                return None, "output"
            if len(view.readers.get(at.name, [])) > 1:
                return None, "several readers"
            if len(view.readers.get(name_of(weight), [])) > 1:
                return None, "shared weights"
            return at, ""
        if at.op not in THROUGH:
            return None, "no linear neighbour"
        if at.name in view.outputs:
            return None, "output"
        if len(view.readers.get(at.name, [])) > 1:
            return None, "several readers"
        at = view.data(at) if at.op != "ConcatV2" else None
    return None, "no linear neighbour"


def pads(view, node):
    return node.op in ("Pad", "PadV2", "MirrorPad", "SpaceToBatchND") or (node.op in LINEAR[:5] and node.attr["padding"].s in (b"SAME", b"EXPLICIT"))


def linear_after(view, node):
    """As linear_before, for a batch norm that could go into what reads it."""
    at = node
    for _ in range(16):
        if at.name in view.outputs:
            return None, "output"
        readers = view.readers.get(at.name, [])
        if len(readers) != 1:
            return None, "several readers"
        at = readers[0]
        if at.op in FLOW:
            return None, "control flow"
        if pads(view, at) and (at.op not in LINEAR or kernel_is_wide(view, at)):
            return None, "padding"
        if at.op in LINEAR:
            weight = at.input[1]
            if view.constant(weight) is None:
                return None, "computed parameters"
            return (None, "shared weights") if len(view.readers.get(name_of(weight), [])) > 1 else (at, "")
        if at.op not in ("Identity", "Squeeze", "Reshape", "ExpandDims"):
            return None, "no linear neighbour"
    return None, "no linear neighbour"


def kernel_is_wide(view, node):
    weight = view.constant(node.input[1])
    sizes = [d.size for d in weight.attr["value"].tensor.tensor_shape.dim] if weight is not None else []
    return not sizes or any(d > 1 for d in sizes[:-2])


def reason_for(view, node):
    if node.op in FUSED:
        if node.op != FUSED[-1] and ("is_training" not in node.attr or node.attr["is_training"].b):   # true is the default
            return "training mode"
        computed = [view.get(e) for e in node.input[1:5] if view.constant(e) is None]
        if any(n is not None and n.op in FLOW for n in computed):
            return "control flow"
        if computed:
            return "computed statistics" if any(map(view.depends_on_input, computed)) else "computed parameters"
    before, why = linear_before(view, node)
    if before is None:
        after, why_after = linear_after(view, node)
        if after is None:
            return why_after if why_after == "padding" or not why else why
    if node.op not in FUSED:
        constants = [view.constant(e) for e in node.input]
        if any(c is not None and channels_of(c) is None for c in constants):
            return "no parameters"
    return ""


def decomposed(view):
    """Mul by one constant a channel, then Add or Sub of another, after something linear: what a fold should have taken."""
    for node in view.nodes.values():
        if node.op != "Mul" or view.data(node) is None or len(node.input) < 2:
            continue
        constant = next(c for c in map(view.constant, node.input[:2]) if c is not None)
        if (channels_of(constant) or 1) == 1:
            continue
        readers = view.readers.get(node.name, [])
        if len(readers) == 1 and readers[0].op in ("Add", "AddV2", "Sub", "BiasAdd") and view.data(readers[0]) is node:
            yield node


def normalized(view):
    """Rsqrt(variance + epsilon) with a variance that is computed."""
    for node in view.nodes.values():
        if node.op == "Rsqrt":
            inner = view.get(node.input[0])
            if inner is not None and inner.op in ("Add", "AddV2") and any(view.constant(e) is not None for e in inner.input):
                yield node


def left(path, kind, tags):
    """[{"node", "op", "reason"}] of a result, function bodies included (their edges are cut to node names)."""
    graph, found = graph_of(path, kind, tags), []
    outputs = set()
    if kind != "graph":
        outputs = {name_of(t) for s in signatures_of(read_meta(path, tags)).values() for i in s["outputs"].values() for t in i["parts"].values()}
    for nodes in [graph.node, *[f.node_def for f in graph.library.function]]:
        view = View(nodes, outputs)
        for node in nodes:
            if node.op in FUSED:
                found.append({"node": node.name, "op": node.op, "reason": reason_for(view, node)})
        found += [{"node": n.name, "op": "Mul, " + view.readers[n.name][0].op, "reason": reason_for(view, n)} for n in decomposed(view)]
        found += [{"node": n.name, "op": "Rsqrt", "reason": "computed statistics"} for n in normalized(view)]
    assert all(f["reason"] in REASONS or not f["reason"] for f in found)
    return {"left": found}
