"""What a TensorFlow release would refuse of a graph, told from the release's op list alone.

    check(graph_def, oplist) -> list[str]      one sentence a fault; empty when nothing would be refused
    load_op_list("tf2.4") or load_op_list(path)

    static_check.py MODEL OPLIST               the same from a shell; exit status 0 nothing, 1 faults, 2 wrong usage

Every node of the graph and of its functions: is the op known and not removed, does it know each attribute (those with a leading underscore
pass), has each attribute that lacks a default a value of the declared kind, allowed and not below the minimum, do the inputs exist, are they
as many and of the dtypes that the op expects, and do the nodes and functions that it names exist. Shapes are not looked at.
graph_def is a GraphDef, MetaGraphDef or SavedModel message; check() starts no TensorFlow.

An op list is {"ops": {NAME: {"in": [[ARG, DTYPE or ATTR, "N=ATTR", "list", "ref"]], "out": ..., "attr": {ATTR: {"type", "default", "allowed",
"min"}}, "deprecated_since": PRODUCER}}}. Names alone ("tf1.15") are looked up in the folder ../spec/ops beside $WHITTLE_TOOLS.
"""
import json
import os
import sys
from pathlib import Path

DTYPES = dict(enumerate(
    "invalid float double int32 uint8 int16 int8 string complex64 int64 bool qint8 quint8 qint32 bfloat16 qint16 quint16 uint16 complex128 half "
    "resource variant uint32 uint64 float8_e5m2 float8_e4m3fn float8_e4m3fnuz float8_e4m3b11fnuz float8_e5m2fnuz int4 uint4 int2 uint2 "
    "float4_e2m1fn".split()))
# Dtypes that the oldest releases cannot name at all.
LAST_DTYPE = {"1.": 23, "2.4.": 23}
KINDS = {"string": "s", "int": "i", "float": "f", "bool": "b", "type": "type", "shape": "shape", "tensor": "tensor", "func": "func"}


def load_op_list(name):
    path = Path(name)
    if path.suffix != ".json":
        tools = os.environ.get("WHITTLE_TOOLS")
        if not tools:
            raise FileNotFoundError(f"{name} is no file, and WHITTLE_TOOLS is not set")
        path = Path(tools).parent / "spec" / "ops" / f"{name}.json"
    return json.loads(path.read_text())


def check(graph_def, oplist):
    graphs = [graph_def]
    if hasattr(graph_def, "meta_graphs"):
        graphs = [m.graph_def for m in graph_def.meta_graphs]
    elif hasattr(graph_def, "graph_def"):
        graphs = [graph_def.graph_def]
    return [fault for graph in graphs for fault in _Checker(graph, oplist).run()]


def dtype_name(number):
    if number > 100:
        return dtype_name(number - 100) + "&"
    return DTYPES.get(number, f"dtype({number})")


def signature_as_op(signature):
    """An OpDef message in the form of the lists."""
    def argument(arg):
        if arg.type_list_attr:
            out = [arg.name, arg.type_list_attr, "list"]
        else:
            out = [arg.name, arg.type_attr or dtype_name(arg.type)]
        if arg.number_attr:
            out.append("N=" + arg.number_attr)
        return out + (["ref"] if arg.is_ref else [])

    attrs = {}
    for attr in signature.attr:
        attrs[attr.name] = {"type": attr.type}
        if attr.HasField("default_value"):
            attrs[attr.name]["default"] = None  # there is one; its value is only needed for dtypes
            if attr.type == "type":
                attrs[attr.name]["default"] = dtype_name(attr.default_value.type)
    return {"in": [argument(a) for a in signature.input_arg], "out": [argument(a) for a in signature.output_arg], "attr": attrs}


class _Unknown(Exception):
    """An attribute that would tell a count or a dtype is missing or not of its kind: reported where attributes are checked."""


def _attr(node_attrs, op, name):
    """Count, dtype name or list of dtype names that the attribute stands for; None for a placeholder."""
    kind = op["attr"].get(name, {}).get("type")
    if name not in node_attrs:
        default = op["attr"].get(name, {}).get("default")
        if default is None:
            raise _Unknown
        return default
    value = node_attrs[name]
    which = value.WhichOneof("value")
    if which == "placeholder":
        return None
    if kind == "int" and which == "i":
        if not 0 <= value.i <= 65536:
            raise _Unknown
        return value.i
    if kind == "type" and which == "type":
        return dtype_name(value.type)
    if kind == "list(type)" and which == "list":
        return [dtype_name(t) for t in value.list.type]
    raise _Unknown


def expand(op, which, node_attrs):
    """[(argument, [dtype name or None])] of a node's inputs ("in") or outputs ("out"); raises _Unknown."""
    out = []
    for name, kind, *marks in op[which]:
        ref = "&" if "ref" in marks else ""
        number = next((m[2:] for m in marks if m.startswith("N=")), None)
        dtype = _attr(node_attrs, op, kind) if kind in op["attr"] else kind
        if "list" in marks:
            if dtype is None:
                raise _Unknown
            dtypes = [d + ref for d in dtype]
        else:
            count = 1 if number is None else _attr(node_attrs, op, number)
            if count is None:
                raise _Unknown
            dtypes = [None if dtype is None else dtype + ref] * count
        out.append((name, dtypes))
    return out


class _Checker:
    def __init__(self, graph, oplist):
        self.graph = graph
        self.ops = oplist.get("ops", oplist)
        release = oplist.get("tensorflow", "")
        self.last_dtype = next((last for prefix, last in LAST_DTYPE.items() if release.startswith(prefix)), max(DTYPES))
        self.functions = {f.signature.name: signature_as_op(f.signature) for f in graph.library.function}
        self.faults = []
        self.place = ""

    def run(self):
        self.check_nodes(self.graph.node, {}, in_function=False)
        for function in self.graph.library.function:
            self.place = f" of function {function.signature.name}"
            self.check_function(function)
        return self.faults

    def fault(self, node, text):
        self.faults.append(f"node {node.name} ({node.op}){self.place}: {text}")

    def find(self, op):
        return self.ops.get(op) or self.functions.get(op)

    # ---- values ----

    def check_function(self, function):
        own = signature_as_op(function.signature)
        # What depends on the caller's attributes stays open.
        arguments = {}
        for name, kind, *marks in own["in"]:
            is_open = "list" in marks or any(m.startswith("N=") for m in marks)
            arguments[name] = None if is_open else [None if kind in own["attr"] else kind + ("&" if "ref" in marks else "")]
        values = self.check_nodes(function.node_def, arguments, in_function=True)
        names = {n.name for n in function.node_def}
        expected = {name: (None if kind in own["attr"] or marks else kind) for name, kind, *marks in own["out"]}
        where = f"function {function.signature.name}"
        for name, kind in expected.items():
            if name not in function.ret:
                self.faults.append(f"{where}: output {name} is not returned")
                continue
            found = self.resolve(function.ret[name], values, in_function=True)
            if isinstance(found, str):
                self.faults.append(f"{where}: output {name}: {found}")
            elif kind and found and found[0] and found[0].rstrip("&") != kind:
                self.faults.append(f"{where}: output {name} is {kind} but returns {found[0]}")
        for name in function.signature.control_output:
            if function.control_ret.get(name) not in names:
                self.faults.append(f"{where}: control output {name} names no node")

    def outputs_of(self, node):
        """[(argument, dtypes)], or None when they cannot be known."""
        op = self.find(node.op)
        if op is None:
            return None
        try:
            return expand(op, "out", node.attr)
        except _Unknown:
            return None

    def check_nodes(self, nodes, arguments, in_function):
        """arguments: name -> dtypes of the function's inputs. Returns what resolve() reads."""
        values = {name: ("argument", dtypes) for name, dtypes in arguments.items()}
        for node in nodes:
            if node.name in values:
                self.fault(node, "its name is given twice")
            values[node.name] = ("node", self.outputs_of(node))
        for node in nodes:
            self.check_node(node, values, in_function)
            for near in node.attr["_class"].list.s if "_class" in node.attr and not in_function else []:
                if near.startswith(b"loc:@") and near[5:].decode("utf-8", "replace") not in values:
                    self.fault(node, f"is to be colocated with {near[5:].decode('utf-8', 'replace')}, which is no node")
        return values

    def resolve(self, text, values, in_function):
        """Dtypes that an input stands for (a list), None when they cannot be known, or a sentence."""
        name, *rest = text.split(":")
        if name not in values:
            return f"input {text} names no node"
        kind, outputs = values[name]
        try:
            if kind == "argument":
                index = int(rest[0]) if rest else None
                if outputs is None:
                    return None
                return outputs if index is None else outputs[index:index + 1] or f"input {text} does not exist"
            if outputs is None:
                return None
            if in_function:
                if not rest:
                    return f"input {text} names no output"
                dtypes = dict(outputs).get(rest[0])
                if dtypes is None:
                    return f"input {text} names no output of the op"
                if len(rest) == 1:
                    return dtypes
                index = int(rest[1])
            else:
                dtypes = [d for _, group in outputs for d in group]
                index = int(rest[0]) if rest else 0
        except ValueError:
            return f"input {text} is malformed"
        return dtypes[index:index + 1] or f"input {text} does not exist"

    # ---- nodes ----

    def check_node(self, node, values, in_function):
        op = self.find(node.op)
        if op is None:
            self.fault(node, "the op is not registered")
            return
        removed = op.get("deprecated_since")
        if removed is not None and self.graph.versions.producer >= removed:
            self.fault(node, f"the op was removed for producers from {removed} on, this is {self.graph.versions.producer}")
        self.check_attrs(node, op, in_function)
        self.check_inputs(node, op, values, in_function)

    def check_inputs(self, node, op, values, in_function):
        found = []
        controls = False
        for text in node.input:
            if text.startswith("^"):
                controls = True
                if text[1:] not in values:
                    self.fault(node, f"control input {text} names no node")
                continue
            if controls:
                self.fault(node, f"input {text} comes after control inputs")
            dtypes = self.resolve(text, values, in_function)
            if isinstance(dtypes, str):
                self.fault(node, dtypes)
                dtypes = None
            found.append((text, dtypes))
        try:
            expected = [d for _, group in expand(op, "in", node.attr) for d in group]
        except _Unknown:
            return
        if any(dtypes is None for _, dtypes in found):
            if not in_function and len(found) != len(expected):
                self.fault(node, f"has {len(found)} inputs, the op takes {len(expected)}")
            if in_function or len(found) != len(expected):
                return
        given = [(text, d) for text, dtypes in found for d in (dtypes if dtypes is not None else [None])]
        if len(given) != len(expected):
            self.fault(node, f"has {len(given)} inputs, the op takes {len(expected)}")
            return
        for index, ((text, have), want) in enumerate(zip(given, expected)):
            if have is None or want is None:
                continue
            if have.rstrip("&") != want.rstrip("&"):
                self.fault(node, f"input {index} ({text}) is {have}, the op takes {want}")
            elif want.endswith("&") and not have.endswith("&"):
                self.fault(node, f"input {index} ({text}) must be a reference")

    def check_attrs(self, node, op, in_function):
        for name in node.attr:
            if not name.startswith("_") and name not in op["attr"]:
                self.fault(node, f"attribute {name} is unknown to the op")
        for name, spec in op["attr"].items():
            if name not in node.attr:
                if "default" not in spec:
                    self.fault(node, f"attribute {name} is missing and has no default")
                continue
            problem = self.check_value(node.attr[name], spec, in_function)
            if problem:
                self.fault(node, f"attribute {name} {problem}")
        if node.op == "Const" and "value" in node.attr and "dtype" in node.attr:
            if node.attr["value"].tensor.dtype != node.attr["dtype"].type:
                self.fault(node, "attributes dtype and value disagree")

    def check_value(self, value, spec, in_function):
        which = value.WhichOneof("value")
        if which == "placeholder" and in_function:
            return None
        kind, is_list = spec["type"], spec["type"].startswith("list(")
        if which != ("list" if is_list else KINDS[kind]):
            return f"is {which or 'not set'}, the op takes {kind}"
        if not is_list:
            items = [getattr(value, which)]
            if kind == "int" and items[0] < spec.get("min", items[0]):
                return f"is {items[0]}, the least is {spec['min']}"
        else:
            kind = kind[5:-1]
            filled = [f.name for f, _ in value.list.ListFields()]
            if [f for f in filled if f != KINDS[kind]]:
                return f"is a list of {filled}, the op takes {spec['type']}"
            items = list(getattr(value.list, KINDS[kind]))
            if len(items) < spec.get("min", 0):
                return f"has {len(items)} items, the least is {spec['min']}"
        return self.check_items(kind, items, spec)

    def check_items(self, kind, items, spec):
        for item in items:
            shown = item
            if kind == "type":
                shown = dtype_name(item)
                if not 0 < item <= self.last_dtype:
                    return f"is {shown}, which this release does not have"
            elif kind == "string" and "allowed" in spec:
                shown = item.decode("utf-8", "replace")
            elif kind == "func":
                if item.name not in self.functions and item.name not in self.ops:
                    return f"names the function {item.name}, which is not in the library"
                continue
            else:
                continue
            if "allowed" in spec and shown not in spec["allowed"]:
                return f"is {shown}, allowed are {' '.join(spec['allowed'])}"
        return None


def main(argv):
    if len(argv) != 3:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    from google.protobuf import text_format
    from tensorflow.core.framework import graph_pb2
    from tensorflow.core.protobuf import saved_model_pb2
    path = Path(argv[1])
    if path.is_dir():
        path = next(p for p in (path / "saved_model.pb", path / "saved_model.pbtxt") if p.is_file())
    message = saved_model_pb2.SavedModel() if path.stem == "saved_model" else graph_pb2.GraphDef()
    if path.suffix == ".pbtxt":
        text_format.Parse(path.read_text(), message)
    else:
        message.ParseFromString(path.read_bytes())
    faults = check(message, load_op_list(argv[2]))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
