"""Arrays by name: how goldens lie in .npz files, how inputs are drawn anew, how two answers are compared.

A set of inputs or outputs is one flat dict. A dense tensor goes by its key; a sparse one comes apart into KEY/indices, KEY/values,
KEY/dense_shape; a ragged or other composite one into KEY/<name of the component tensor>. Strings are arrays of bytes.
"""
import math
import zlib

import numpy as np


def load_npz(path):
    """({name: array} fed, {name: array} answered) of a golden file."""
    fed, answered = {}, {}
    with np.load(path) as archive:
        for name in archive.files:
            side, key = name.split("/", 1)
            into = fed if side == "in" else answered
            if key.endswith("#bytes"):  # strings that a fixed width would not carry: their bytes, lengths and shape
                key, data, at, values = key[:-6], archive[name].tobytes(), 0, []
                for length in archive[f"{side}/{key}#lengths"]:
                    values.append(data[at:at + int(length)])
                    at += int(length)
                array = np.empty(len(values), object)
                array[:] = values
                into[key] = array.reshape(archive[f"{side}/{key}#shape"])
            elif not key.endswith(("#lengths", "#shape")):
                value = archive[name]
                into[key] = value.astype(object) if value.dtype.kind == "S" else value
    return fed, answered


def drawn_anew(fed, seed):
    """Other inputs of the same kind: floats with the golden's mean and spread, everything else drawn from its values.

    So an id stays in its vocabulary and a string stays a serialized example. Indices, shapes and scalars that steer are kept.
    None where nothing can change.
    """
    fresh, changed = {}, False
    for key, value in fed.items():
        rng = np.random.default_rng([seed, zlib.crc32(key.encode())])
        structure = key.endswith(("/indices", "/dense_shape")) or "splits" in key
        if structure or value.size == 0 or value.ndim == 0:
            fresh[key] = value
        elif value.dtype.kind == "f":
            wide = value.astype(np.float64)
            fresh[key] = rng.normal(wide.mean(), wide.std() or 1.0, value.shape).astype(value.dtype)
            changed = True
        else:
            fresh[key] = rng.permutation(value.reshape(-1)).reshape(value.shape)
            changed |= not np.array_equal(fresh[key], value)
    return fresh if changed else None


def equal_bits(a, b):
    """Same dtype, shape and bytes; any NaN equals any NaN."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind in "fc":
        both = np.isnan(a) & np.isnan(b)
        a, b = np.where(both, 0, a), np.where(both, 0, b)
    return bool(np.array_equal(a, b)) if a.dtype.kind == "O" else a.tobytes() == b.tobytes()


def is_float(a):
    return a.dtype.kind in "fc" or a.dtype.name == "bfloat16"


def compare(a, b):
    """What separates answer b from a, the original's.

    error      what makes them incomparable (shape, dtype, something not finite elsewhere), else absent
    equal      the bits are the same
    relative   max|a-b| / max|a|                        floats only
    sqnr       10 log10(signal power / error power)     floats only; inf when equal
    agreement  share of equal elements                  all others
    """
    if a.dtype != b.dtype:
        return {"error": f"dtype {a.dtype} became {b.dtype}"}
    if a.shape != b.shape:
        return {"error": f"shape {list(a.shape)} became {list(b.shape)}"}
    fact = {"equal": equal_bits(a, b)}
    if not is_float(a):
        return fact | {"agreement": float(np.mean(a == b)) if a.size else 1.0}
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    x, y = a.astype(wide), b.astype(wide)
    finite = np.isfinite(x) & np.isfinite(y)
    if np.any(~finite & (x != y) & ~(np.isnan(x) & np.isnan(y))):
        return fact | {"error": "not finite in other places"}
    x, y = x[finite], y[finite]
    if fact["equal"] or not x.size:
        return fact | {"relative": 0.0, "sqnr": math.inf}
    difference, peak = np.abs(x - y), float(np.abs(x).max())
    power, noise = float(np.sum(np.abs(x) ** 2)), float(np.sum(difference ** 2))
    return fact | {
        "relative": float(difference.max()) / peak if peak else (math.inf if noise else 0.0),
        "sqnr": math.inf if noise == 0 else 10 * math.log10(power / noise) if power else -math.inf,
    }


def worst(facts):
    """The facts of many outputs in one: errors kept, the worst figure of each kind."""
    facts = list(facts)
    return {
        "errors": [f["error"] for f in facts if "error" in f],
        "equal": all(f.get("equal", False) for f in facts),
        "relative": max((f["relative"] for f in facts if "relative" in f), default=0.0),
        "sqnr": min((f["sqnr"] for f in facts if "sqnr" in f), default=math.inf),
        "agreement": min((f["agreement"] for f in facts if "agreement" in f), default=1.0),
    }
