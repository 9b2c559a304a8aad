#!/usr/bin/env python3
"""The oracle: `whittle optimize` on every model, the results run and judged in real TensorFlow.

    run.py [--all] [--only MODEL]... [--preset P]... [--jobs N] [--write-docs] [--learn] [--list]

Without --all: the default preset (int8) on every model, and one other preset on each, in turn, by the commit (or
WHITTLE_SEED). --all: every preset, in every loader. --only takes a name or its beginning ("generated/", "kws-arm").

    WHITTLE_COMMAND      the command under test (default: the native build, else node wasm/bin/whittle.mjs)
    WHITTLE_MODELS       an outside folder of models with goldens; without it tests/corpus and the bundled sample remain
    WHITTLE_TOOLS        beside it lie the op lists of the static check (static.py)
    WHITTLE_REQUIRE=1    a skip is a failure
    WHITTLE_SUITE_JSON   where to write {cases, skipped, failed, slowest} for tools/test

Run it with the Python that has TensorFlow. Exit status: 0 all held, 1 something did not, 2 it cannot be run.
--learn enters the loaders in which originals answer, and the bytes reached, into expectations.json (read the diff).
"""
import argparse
import concurrent.futures
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import node_counts
import static
from lib import bounds, catalog, docs
from lib.command import base_command
from lib.expectations import MAX_REFUSED, Expectations
from lib.judge import Judge, Row
from lib.original import SIDE, Cache, Original
from lib.pool import Lane

DEFAULT_PRESET = "int8"


def seed():
    if os.environ.get("WHITTLE_SEED"):
        return os.environ["WHITTLE_SEED"]
    done = subprocess.run(["git", "-C", str(catalog.ROOT), "rev-parse", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "0"


def presets_for(model, args, turn):
    if args.preset:
        return args.preset
    if args.all:
        return list(bounds.PRESETS)
    others = [p for p in bounds.PRESETS if p != DEFAULT_PRESET]
    return [DEFAULT_PRESET, others[(int(hashlib.sha256(model.name.encode()).hexdigest(), 16) + turn) % len(others)]]


class Suite:
    def __init__(self, args):
        self.args, self.expectations, self.cache = args, Expectations(), Cache()
        self.turn = int(hashlib.sha256(seed().encode()).hexdigest(), 16)
        self.lanes, self.all_lanes, self.say = threading.local(), [], threading.Lock()
        self.rows, self.seconds = [], {}

    def lane(self):
        if not hasattr(self.lanes, "lane"):
            self.lanes.lane = Lane()
            self.all_lanes.append(self.lanes.lane)
        return self.lanes.lane

    def judge_model(self, model):
        """All rows of one model. Whatever goes wrong here is a failed row, not the end."""
        start, presets, rows = time.monotonic(), presets_for(model, self.args, self.turn), []
        try:
            original = Original(model, self.lane(), self.cache)
            judge = Judge(original, self.lane(), self.expectations, static, thorough=self.args.all or bool(self.args.preset))
            for preset in presets:
                row = judge.row(preset)
                rows.append(row)
                self.tell(row)
            for problem in self.setting(original):
                rows.append(Row(model.name, "original", "failed", [problem]))
                self.tell(rows[-1])
            judge.close()
        except Exception:
            traceback.print_exc()
            rows.append(Row(model.name, "suite", "failed", [traceback.format_exc().strip().splitlines()[-1]]))
            self.tell(rows[-1])
        self.seconds[model.name] = time.monotonic() - start
        return rows

    def setting(self, original):
        """What is wrong with the test itself: originals that answer less, or otherwise, than is known of them."""
        known = (*original.loaders(), *(SIDE if self.side_is_known(original) else ()))
        answers = [l for l in known if original.runs_in(l)]
        if self.args.learn:
            self.expectations.learn_loaders(original.model.name, answers)
        expected = self.expectations.of(original.model.name).get("loaders")
        if expected is None:
            return [f"expectations.json does not say which loaders run the original (found: {answers})"]
        missing = sorted(set(expected) - set(answers))
        return ([f"the original no longer answers in {missing}"] if missing else []) + original.agrees_with_goldens()

    def side_is_known(self, original):
        return original.model.kind == "saved_model" and not original.model.by_name() and bool(original.feeds)

    def tell(self, row):
        with self.say:
            facts = row.facts
            sizes = f"{docs.bytes_text(facts.get('bytes_before'))} -> {docs.bytes_text(facts.get('bytes_after'))}"
            figure = docs.error_text(dataclasses.asdict(row))
            print(f"{row.verdict:8} {row.model} {row.preset}  {sizes}  {figure}  {' '.join(row.loaders)}", flush=True)
            for problem in row.problems:
                print(f"         {problem}", flush=True)

    def run(self, models):
        models = sorted(models, key=lambda m: -m.path.stat().st_size if m.path.is_file() else -sum(
            f.stat().st_size for f in m.path.rglob("*") if f.is_file()))  # long ones first, so that both lanes end together
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as threads:
            for rows in threads.map(self.judge_model, models):
                self.rows += rows
        for lane in self.all_lanes:
            lane.close()

    def over_all(self, models):
        """What holds for the whole run: few refusals, few chaotic rows."""
        problems = []
        outside = {m.name for m in models if m.source in ("shared", "generated")}
        runnable = {name for name in outside if self.expectations.of(name).get("loaders")}
        refused = sorted({r.model for r in self.rows if r.verdict == "refused"} & runnable)
        if len(refused) > MAX_REFUSED:
            problems.append(f"{len(refused)} runnable models are refused, {MAX_REFUSED} may be: {', '.join(refused)}")
        chaotic = sorted(f"{r.model} {r.preset}" for r in self.rows if r.verdict == "chaotic")
        if len(chaotic) > bounds.MAX_CHAOTIC_ROWS:
            problems.append(f"{len(chaotic)} rows are chaotic, {bounds.MAX_CHAOTIC_ROWS} may be: {', '.join(chaotic)}")
        return problems


def select(models, only):
    return [m for m in models if not only or any(m.name == o or m.name.startswith(o.rstrip("/") + "/") for o in only)]


def summarize(suite, skipped, problems):
    failed = [r for r in suite.rows if r.verdict == "failed"]
    slowest = sorted(suite.seconds.items(), key=lambda item: -item[1])[:10]
    report = {"cases": len(suite.rows), "skipped": skipped, "failed": [{"name": f"{r.model} {r.preset}", "message": "; ".join(r.problems)} for r in failed] +
                        [{"name": "the whole run", "message": p} for p in problems],
              "slowest": [{"name": name, "seconds": round(seconds, 1)} for name, seconds in slowest]}
    if os.environ.get("WHITTLE_SUITE_JSON"):
        Path(os.environ["WHITTLE_SUITE_JSON"]).write_text(json.dumps(report, indent=1) + "\n")
    for problem in problems:
        print(f"failed   {problem}")
    for skip in skipped:
        print(f"skipped  {skip['name']}: {skip['reason']}")
    verdicts = [r.verdict for r in suite.rows]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in ("ok", "chaotic", "below", "refused", "failed") if v in verdicts)
    print(f"oracle: {len(suite.rows)} rows: {counts}")
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", action="append", metavar="MODEL")
    parser.add_argument("--preset", action="append", choices=bounds.PRESETS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write-docs", action="store_true")
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    models, skipped = catalog.all_models()
    chosen = select(models, args.only)
    if args.list:
        print("\n".join(m.name for m in chosen))
        return 0
    if args.write_docs and (args.only or args.preset or not args.all):
        parser.error("--write-docs goes with --all, and without --only and --preset")
    if not chosen:
        parser.error(f"no model is called {' or '.join(args.only)}")
    if base_command() is None:
        print("oracle: there is no whittle command: build it, or set WHITTLE_COMMAND", file=sys.stderr)
        return 2

    suite = Suite(args)
    if not static.lists_for({}):
        skipped.append({"name": "static check", "reason": "no op lists: neither WHITTLE_TOOLS nor WHITTLE_OPLISTS is set"})
    start = time.monotonic()
    suite.run(chosen)
    problems = suite.over_all(chosen)
    if os.environ.get("WHITTLE_REQUIRE") == "1" and not args.only:
        problems += [f"skipped under WHITTLE_REQUIRE: {s['name']}: {s['reason']}" for s in skipped]
        problems += [f"{m.name} was not run" for m in chosen if m.name not in {r.model for r in suite.rows}]
    counted = node_counts.measure_all(chosen, args.jobs) if args.all and (not args.preset or "float" in args.preset) else []
    # Shares are of all models: with --only the rows are shown and each has its bound.
    problems += node_counts.judge(counted, whole=not args.only)[1]
    report = summarize(suite, skipped, problems)
    print(f"oracle: {time.monotonic() - start:.0f} s")
    if args.learn:
        for row in suite.rows:
            if row.verdict in ("ok", "chaotic", "below") and "bytes_after" in row.facts:
                suite.expectations.learn_bytes(row.model, row.preset, row.facts["bytes_after"])
        suite.expectations.save()
    if args.write_docs:
        docs.write([dataclasses.asdict(r) for r in suite.rows if r.preset in bounds.PRESETS], importlib.metadata.version("tensorflow-cpu"))
        node_counts.write_docs(counted)
    return 1 if report["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
