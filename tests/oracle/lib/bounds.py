"""What a preset promises, as checks on compared outputs (decisions, "Judging a result")."""
import math

PRESETS = ("exact", "float", "half", "int8")
LOSSY = {"half": 55.0, "int8": 30.0}      # dB of every float output
DEPTHWISE_INT8 = 25.0                     # nets with depthwise convolutions: nine weights a channel average little out
SHARE = 0.95                              # of the eligible float bytes that must carry the scheme
CHAOS_DB = 3.0                            # noise within this much of ours: the output is chaotic, not the scheme at fault
MAX_CHAOTIC_ROWS = 2
FLOAT_RELATIVE = 1e-5


def sqnr_bound(preset, ops):
    depthwise = any(op.startswith("DepthwiseConv2dNative") for op in ops)
    return DEPTHWISE_INT8 if preset == "int8" and depthwise else LOSSY[preset]


def float_bound(change):
    """`change`: what switching Grappler on and off does to the original's own answers."""
    return max(FLOAT_RELATIVE, 4 * change)


def judge_output(preset, fact, grappler, change, ops, drawn=False):
    """A sentence about what is wrong with one output, or ""; "low: …" where the chaos test may still explain it.

    The decibels of a lossy preset are promised for the recorded inputs; on drawn ones they are only measured.
    """
    if "error" in fact:
        return fact["error"]
    if preset == "exact" and not grappler:
        return "" if fact["equal"] else "not the same bits with Grappler off" + figures(fact)
    if preset in ("exact", "float"):
        if fact.get("agreement", 1.0) < 1:
            return f"only {fact['agreement']:.1%} of the elements are equal"
        bound = float_bound(change)
        return "" if fact.get("relative", 0.0) <= bound else f"relative error {fact['relative']:.2g} > {bound:.2g}"
    if drawn:
        return ""
    if fact.get("agreement", 1.0) < 1:
        return f"low: only {fact['agreement']:.1%} of the elements agree"
    bound = sqnr_bound(preset, ops)
    return "" if fact.get("sqnr", math.inf) >= bound else f"low: {fact['sqnr']:.1f} dB < {bound:.0f} dB"


def figures(fact):
    if "relative" in fact:
        return f" (relative error {fact['relative']:.2g})"
    return f" ({fact['agreement']:.1%} of the elements are equal)" if "agreement" in fact else ""


def chaotic(ours, noisy):
    """(whether noise of the same strength hurts this output as much, a sentence): `ours` and each of `noisy` are compare() facts."""
    if not noisy or any("error" in f for f in noisy):
        return False, "no noise to compare with"
    key = "sqnr" if "sqnr" in ours else "agreement"
    middle = sorted(f[key] for f in noisy)[len(noisy) // 2]
    if key == "sqnr":
        return middle <= ours[key] + CHAOS_DB, f"noise of the same strength gives {middle:.1f} dB"
    return middle <= ours[key], f"noise of the same strength gives {middle:.1%}"
