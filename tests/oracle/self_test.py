#!/usr/bin/env python3
"""Does the oracle notice? Stand-ins (stand_in.py) that damage, lie and crash must be found out, an honest copy must pass.

Exit status: 0 all noticed, 1 something went by.
"""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import static
from lib import catalog
from lib.expectations import Expectations
from lib.judge import Judge
from lib.original import Cache, Original
from lib.pool import Lane

SAVED, GRAPH = "corpus/v2-nested-functions", "corpus/frozen-mobile-block"
# (what the stand-in does, model, preset, what the row must say; None: that all is well)
CASES = [
    ("nothing", SAVED, "exact", None),
    ("nothing", GRAPH, "exact", None),
    ("nothing", GRAPH, "float", None),
    ("nothing", SAVED, "int8", "big float weights are left"),
    ("nothing", GRAPH, "int8", "big float weights are left"),
    ("small_noise", GRAPH, "exact", "not the same bits with Grappler off"),
    ("small_noise", GRAPH, "float", "relative error"),
    ("lost_signature", SAVED, "exact", "signature serving_default is lost"),
    ("renamed_output", SAVED, "exact", "output serving_default/y is missing"),
    ("unknown_op", SAVED, "exact", "does not load it"),
    ("lost_shard", SAVED, "exact", "v1 does not load it"),
    ("bigger", SAVED, "exact", "larger than the original"),
    ("restless", SAVED, "exact", "a second run gives other bytes: saved_model.pb"),
    ("lying", SAVED, "exact", "the report says 1 bytes"),
    ("refusing", SAVED, "exact", "refused, which the list does not allow: unsupported: I would rather not, in node x"),
    ("silent", SAVED, "exact", "exit code 139"),
]


def main():
    os.environ["WHITTLE_COMMAND"] = f"'{sys.executable}' '{Path(__file__).resolve().parent / 'stand_in.py'}'"
    models = {m.name: m for m in catalog.all_models()[0]}
    lane, cache, expectations, missed = Lane(), Cache(), Expectations(), 0
    expectations.models = {}   # what single models promise beyond this is not the matter here
    originals = {name: Original(models[name], lane, cache) for name in (SAVED, GRAPH)}
    for mode, name, preset, expected in CASES:
        os.environ["STAND_IN"] = mode
        judge = Judge(originals[name], lane, expectations, static, thorough=False)
        row = judge.row(preset)
        judge.close()
        said = "; ".join(row.problems)
        noticed = expected in said if expected else not said
        missed += not noticed
        print(f"{'ok' if noticed else 'MISSED':8} {mode} {name} {preset}: {said or 'nothing to say'}"[:220], flush=True)
    lane.close()
    print(f"self test: {len(CASES)} stand-ins, {missed} went by")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
