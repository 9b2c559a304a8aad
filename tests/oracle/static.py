#!/usr/bin/env python3
"""Would the TensorFlow that wrote a model refuse what Whittle made of it? Told from op lists, no TensorFlow of that age needed.

    static.py ORIGINAL RESULT [--tags serve]     exit status 0 nothing, 1 faults, 2 no op lists

The list is that of the oldest of 1.15, 2.4, 2.12 and 2.21 that knows the original's ops: a result may use no op, attribute or
dtype that is not in it. What the list already finds in the original is not held against the result. The lists lie in the
folder spec/ops beside $WHITTLE_TOOLS (or $WHITTLE_OPLISTS); the check itself is lib/static_check.py.
"""
import argparse
import os
import re
import sys
from pathlib import Path

# The last version of TensorFlow, and the last GraphDef producer, that a list stands for.
LISTS = [("1.15", (1, 15), 134), ("2.4", (2, 4), 561), ("2.12", (2, 12), 1482), ("2.21", (99, 0), 1 << 30)]


def folder():
    if os.environ.get("WHITTLE_OPLISTS"):
        return Path(os.environ["WHITTLE_OPLISTS"])
    return Path(os.environ["WHITTLE_TOOLS"]).parent / "spec" / "ops" if os.environ.get("WHITTLE_TOOLS") else None


def lists_for(described):
    """{list name: file} for an original, as lib/describe.py describes it; empty where the lists are not here."""
    there = folder()
    if not there or not there.is_dir():
        return {}
    version = re.match(r"(\d+)\.(\d+)", described.get("written_by", ""))
    if version:
        name = next(n for n, last, _ in LISTS if tuple(map(int, version.groups())) <= last)
    else:
        name = next(n for n, _, last in LISTS if described.get("producer", 0) <= last)
    return {name: str(there / f"tf{name}.json")}


def new_faults(before, after):
    """Sentences found in the result only. Node names are left out of the comparison: inlining gives nodes new ones."""
    known = {kind_of(s) for sentences in before.values() for s in sentences}
    return [f"TensorFlow {name} would refuse: {s}" for name, sentences in after.items() for s in sentences if kind_of(s) not in known]


def kind_of(sentence):
    return re.sub(r"(node|function) \S+", r"\1", sentence)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("original", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--tags", default="serve")
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from lib import describe
    kind, tags = "graph" if args.original.is_file() else "saved_model", args.tags.split(",")
    lists = lists_for(describe.describe(args.original, kind, tags))
    if not lists:
        print("no op lists: set WHITTLE_TOOLS or WHITTLE_OPLISTS", file=sys.stderr)
        return 2
    faults = new_faults(describe.static(args.original, kind, tags, lists), describe.static(args.result, kind, tags, lists))
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
