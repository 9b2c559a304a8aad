"""The C++ loader (LoadSavedModel, what TF Serving, Java and Go use), through the C API of the wheel's own library.

No Python TensorFlow is imported here: the process holds libtensorflow_cc and nothing else, like a C program would.
"""
import ctypes
import importlib.util
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_ubyte, c_void_p
from pathlib import Path

import numpy as np

DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 4: np.uint8, 5: np.int16, 6: np.int8, 8: np.complex64, 9: np.int64, 10: np.bool_,
          17: np.uint16, 18: np.complex128, 19: np.float16, 22: np.uint32, 23: np.uint64}
CODES = {np.dtype(t): code for code, t in DTYPES.items()}
STRING, BFLOAT16, STRING_SIZE = 7, 14, 24

# ConfigProto { intra_op_parallelism_threads 1, inter_op_parallelism_threads 1, allow_soft_placement true },
# and graph_options.rewrite_options.disable_meta_optimizer true.
CONFIG = bytes([0x10, 1, 0x28, 1, 0x38, 1])
CONFIG_WITHOUT_GRAPPLER = CONFIG + bytes([0x52, 5, 0x52, 3, 0x98, 0x01, 1])


class Output(ctypes.Structure):
    _fields_ = [("operation", c_void_p), ("index", c_int)]


def load_library():
    folder = Path(importlib.util.find_spec("tensorflow").origin).parent
    framework = ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"), ctypes.RTLD_GLOBAL)

    def declare(name, result, *arguments):
        try:
            function = getattr(library, name)
        except AttributeError:
            function = getattr(framework, name)
        function.restype, function.argtypes = result, arguments
        return function

    class Library:
        new_status = declare("TF_NewStatus", c_void_p)
        code = declare("TF_GetCode", c_int, c_void_p)
        message = declare("TF_Message", c_char_p, c_void_p)
        new_graph = declare("TF_NewGraph", c_void_p)
        delete_graph = declare("TF_DeleteGraph", None, c_void_p)
        new_options = declare("TF_NewSessionOptions", c_void_p)
        set_config = declare("TF_SetConfig", None, c_void_p, c_char_p, c_size_t, c_void_p)
        load = declare("TF_LoadSessionFromSavedModel", c_void_p, c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int, c_void_p, c_void_p, c_void_p)
        delete_session = declare("TF_DeleteSession", None, c_void_p, c_void_p)
        operation = declare("TF_GraphOperationByName", c_void_p, c_void_p, c_char_p)
        run = declare("TF_SessionRun", None, c_void_p, c_void_p, POINTER(Output), POINTER(c_void_p), c_int, POINTER(Output), POINTER(c_void_p),
                      c_int, c_void_p, c_int, c_void_p, c_void_p)
        allocate = declare("TF_AllocateTensor", c_void_p, c_int, POINTER(c_int64), c_int, c_size_t)
        delete_tensor = declare("TF_DeleteTensor", None, c_void_p)
        data = declare("TF_TensorData", c_void_p, c_void_p)
        byte_size = declare("TF_TensorByteSize", c_size_t, c_void_p)
        rank = declare("TF_NumDims", c_int, c_void_p)
        dim = declare("TF_Dim", c_int64, c_void_p, c_int)
        dtype = declare("TF_TensorType", c_int, c_void_p)
        string_init = declare("TF_StringInit", None, c_void_p)
        string_copy = declare("TF_StringCopy", None, c_void_p, c_char_p, c_size_t)
        string_data = declare("TF_StringGetDataPointer", POINTER(c_ubyte), c_void_p)
        string_size = declare("TF_StringGetSize", c_size_t, c_void_p)

    return Library


_library = None


def tf():
    global _library
    _library = _library or load_library()
    return _library


class Refused(Exception):
    pass


def checked(call, *arguments):
    status = tf().new_status()
    result = call(*arguments, status)
    if tf().code(status):
        raise Refused(tf().message(status).decode(errors="replace").splitlines()[0][:400])
    return result


def to_tensor(array):
    strings = array.dtype.kind in "OS"
    array = np.asarray(array, order="C")
    dims = (c_int64 * max(array.ndim, 1))(*array.shape)
    size = array.size * STRING_SIZE if strings else array.nbytes
    tensor = tf().allocate(STRING if strings else CODES[array.dtype], dims, array.ndim, size)
    data = tf().data(tensor)
    if strings:
        for i, value in enumerate(array.reshape(-1)):
            value = value if isinstance(value, bytes) else str(value).encode()
            tf().string_init(data + i * STRING_SIZE)
            tf().string_copy(data + i * STRING_SIZE, value, len(value))
    elif array.nbytes:
        ctypes.memmove(data, array.ctypes.data, array.nbytes)
    return tensor


def to_array(tensor):
    shape = [tf().dim(tensor, i) for i in range(tf().rank(tensor))]
    code, data, size = tf().dtype(tensor), tf().data(tensor), tf().byte_size(tensor)
    if code == STRING:
        values = np.empty(size // STRING_SIZE, object)
        for i in range(len(values)):
            at = data + i * STRING_SIZE
            values[i] = ctypes.string_at(tf().string_data(at), tf().string_size(at))
        return values.reshape(shape)
    raw = ctypes.string_at(data, size) if size else b""
    if code == BFLOAT16:  # the upper half of a float32, which is how the Python loaders' answers are compared, too
        return (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(shape)
    return np.frombuffer(raw, DTYPES[code]).reshape(shape).copy()


class Session:
    def __init__(self, path, tags, grappler):
        config = CONFIG if grappler else CONFIG_WITHOUT_GRAPPLER
        options, self.graph = tf().new_options(), tf().new_graph()
        checked(tf().set_config, options, config, len(config))
        names = (c_char_p * max(len(tags), 1))(*[t.encode() for t in tags])
        self.session = checked(tf().load, options, None, str(path).encode(), names, len(tags), self.graph, None)

    def output(self, name):
        node, _, port = name.partition(":")
        operation = tf().operation(self.graph, node.encode())
        if not operation:
            raise Refused(f"no node named {node}")
        return Output(operation, int(port or 0))

    def answer(self, signature, feed):
        names = {k + suffix: name for k, info in signature["inputs"].items() for suffix, name in info["parts"].items()}
        wanted = {k + suffix: name for k, info in signature["outputs"].items() for suffix, name in info["parts"].items()}
        fed = {names[k]: v for k, v in feed.items()}  # two keys may name one tensor
        passed = {k: fed[name] for k, name in wanted.items() if name in fed}  # the runtime refuses to fetch what is fed
        wanted = {k: name for k, name in wanted.items() if name not in fed}
        if not wanted:
            return passed
        inputs = (Output * max(len(fed), 1))(*[self.output(n) for n in fed])
        values = (c_void_p * max(len(fed), 1))(*[to_tensor(v) for v in fed.values()])
        outputs = (Output * len(wanted))(*[self.output(n) for n in wanted.values()])
        results = (c_void_p * len(wanted))()
        try:
            checked(tf().run, self.session, None, inputs, values, len(fed), outputs, results, len(wanted), None, 0, None)
            return passed | {k: to_array(results[i]) for i, k in enumerate(wanted)}
        finally:
            for tensor in [*values[:len(fed)], *[r for r in results if r]]:
                tf().delete_tensor(tensor)

    def close(self):
        checked(tf().delete_session, self.session)
        tf().delete_graph(self.graph)


def run(path, loader, tags, signatures, feeds, grappler=True):
    """As loaders.run."""
    try:
        model = Session(path, tags, grappler)
    except Refused as error:
        return {"load": str(error)}
    answers = []
    for name, feed in feeds:
        try:
            answers.append({"outputs": model.answer(signatures[name], feed)})
        except Refused as error:
            answers.append({"error": str(error)})
    model.close()
    return {"answers": answers}
