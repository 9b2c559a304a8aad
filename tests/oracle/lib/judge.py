"""One row of the table: a model and a preset, run and judged."""
import dataclasses
import hashlib
import math
import re
import shutil
import tempfile
import zlib
from pathlib import Path

from . import bounds, extras
from .arrays import compare, worst
from .command import optimize
from .original import MAIN, SIDE, ask

NOISE_SEEDS = (1, 2, 3)


@dataclasses.dataclass
class Row:
    model: str
    preset: str
    verdict: str = "ok"             # ok, refused, chaotic, below, failed
    problems: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    loaders: list = dataclasses.field(default_factory=list)   # in which the result answered
    facts: dict = dataclasses.field(default_factory=dict)

    def note(self, sentence):
        if sentence not in self.notes:
            self.notes.append(sentence)

    def problem(self, sentence):
        if sentence and sentence not in self.problems:
            self.problems.append(sentence)


def files_of(path):
    path = Path(path)
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {"" if path.is_file() else str(f.relative_to(path)): f for f in files}


def size_of(path):
    return sum(f.stat().st_size for f in files_of(path).values())


def zipped_size(path):
    """Bytes of the files deflated one by one: what a .zip of them takes, but for its headers."""
    total = 0
    for file in files_of(path).values():
        packer = zlib.compressobj(6)
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                total += len(packer.compress(block))
        total += len(packer.flush())
    return total


def digests(path):
    return {name: hashlib.sha256(f.read_bytes()).hexdigest() for name, f in files_of(path).items()}


class Judge:
    """Judges presets of one model; keeps what several presets need (the float result for the noise)."""

    def __init__(self, original, lane, expectations, static, thorough):
        self.original, self.lane, self.expected = original, lane, expectations.of(original.model.name)
        self.expectations, self.static, self.thorough = expectations, static, thorough
        self.spare = tempfile.TemporaryDirectory(prefix="whittle-judge-")

    def close(self):
        self.spare.cleanup()

    def out(self, name):
        path = Path(self.spare.name) / name
        return path.with_suffix(".pb") if self.original.model.kind == "graph" else path

    def row(self, preset):
        model, row = self.original.model, Row(self.original.model.name, preset)
        outcome = optimize(model, preset, self.out(preset))
        row.facts.update(seconds=round(outcome.seconds, 2), bytes_before=size_of(model.path), nodes_before=self.original.described.get("nodes"))
        if outcome.status != "done":
            self.judge_refusal(row, outcome)
            return row
        if self.expected.get("refused"):
            row.problem(f"optimized, but the list expects a refusal: {self.expected['refused']}")
        result = self.out(preset)
        described = self.lane.ask("py", {"do": "describe", "path": str(result), "kind": model.kind, "tags": list(model.tags)})
        if "nodes" not in described:
            row.problem(f"the result cannot be read: {described.get('crashed') or described.get('error')}")
        else:
            self.judge_report(row, outcome.report, result, described)
            self.judge_signatures(row, described)
            self.judge_static(row, result)
            self.judge_outputs(row, outcome.report, result, described)
            self.judge_extras(row, result)
        self.judge_second_run(row, result)
        if row.problems:
            row.verdict = "failed"
        else:
            (shutil.rmtree if result.is_dir() else Path.unlink)(result)
        return row

    def judge_refusal(self, row, outcome):
        row.facts["refusal"] = {"code": outcome.code, "sentence": outcome.sentence}
        if outcome.status == "broken":
            row.problem(outcome.sentence)
        else:
            name = self.expected.get("refused") or self.expected.get("may_refuse")
            listed = self.expectations.refusals.get(name)
            if not listed:
                row.problem(f"refused, which the list does not allow: {outcome.code}: {outcome.sentence}")
            elif not re.fullmatch(listed["code"], outcome.code) or not re.search(listed["sentence"], outcome.sentence, re.IGNORECASE):
                row.problem(f"refused otherwise than listed under {name}: {outcome.code}: {outcome.sentence}")
        row.verdict = "failed" if row.problems else "refused"

    def zipped_before(self):
        return self.original.cached({"zipped": True}, lambda: zipped_size(self.original.model.path))

    def judge_report(self, row, report, result, described):
        before, after = row.facts["bytes_before"], size_of(result)
        eligible, quantized = report.get("eligible_bytes", 0), report.get("quantized_bytes", 0)
        row.facts.update(bytes_after=after, zipped_before=self.zipped_before(), zipped_after=zipped_size(result), nodes_after=described["nodes"], eligible_bytes=eligible,
                         quantized_bytes=quantized, big_float_bytes_left=described["big_float_bytes"])
        if report.get("schema") != "whittle-report/1":
            row.problem(f"the report's schema is {report.get('schema')!r}")
        if report.get("output", {}).get("bytes") != after:
            row.problem(f"the report says {report.get('output', {}).get('bytes')} bytes, on disk are {after}")
        if self.original.model.kind == "saved_model" and after > before:
            row.problem(f"larger than the original: {after} > {before} bytes")
        reached = self.expected.get("max_bytes", {}).get(row.preset)
        if reached and after > reached * 1.01 + 64:
            row.problem(f"{after} bytes, {reached} were reached before")
        if row.preset in bounds.LOSSY:
            if quantized < bounds.SHARE * eligible:
                row.problem(f"only {quantized / eligible:.1%} of the eligible float bytes carry the scheme")
            left = described["big_float_bytes"] - self.expected.get("float_by_design", 0)
            if left > (1 - bounds.SHARE) * (left + quantized):  # whatever the report calls eligible
                row.problem(f"{left} bytes of big float weights are left beside {quantized} quantized ones")

    def judge_signatures(self, row, described):
        if self.original.model.kind == "graph" or self.original.model.by_name():
            return
        strip = lambda signatures: {name: {"method": s["method"], **{side: {k: (i["dtype"], i["shape"], sorted(i["parts"])) for k, i in s[side].items()}
                                                                    for side in ("inputs", "outputs")}} for name, s in signatures.items()}
        before, after = strip(self.original.signatures), strip(described["signatures"])
        for name in sorted(set(before) | set(after)):
            if before.get(name) != after.get(name):
                what = "lost" if name not in after else "new" if name not in before else f"changed: {before[name]} became {after[name]}"
                row.problem(f"signature {name} is {what}"[:500])

    def judge_static(self, row, result):
        lists, model = self.static.lists_for(self.original.described), self.original.model
        if not lists:
            return
        ask_for = lambda path: self.lane.ask("py", {"do": "static", "path": str(path), "kind": model.kind, "tags": list(model.tags), "oplists": lists})
        before, after = self.original.cached({"static": sorted(lists)}, lambda: ask_for(model.path)), ask_for(result)
        if "error" in after or "crashed" in after:
            row.problem(f"static check: {after.get('error') or after.get('crashed')}")
        else:
            for fault in self.static.new_faults(before, after):
                row.problem(fault)

    def judge_outputs(self, row, report, result, described):
        if not self.original.feeds:
            for loader in self.original.loaders():
                if self.original.loads_in(loader):
                    self.judge_loading(row, loader, result, described)
            row.note("TensorFlow cannot run the original")
            return
        loaders = [(l, True) for l in self.original.loaders()]
        if row.preset == "exact":
            loaders += [(l, False) for l in self.original.loaders()]
        if self.original.model.kind == "saved_model" and not self.original.model.by_name() and (self.thorough or row.preset == "int8"):
            loaders += [(l, True) for l in SIDE]
        low, all_facts, drawn_facts = [], [], []
        for loader, grappler in loaders:
            if not self.original.runs_in(loader):
                if loader in MAIN and grappler and self.original.loads_in(loader):
                    self.judge_loading(row, loader, result, described)
                continue
            expected = self.original.answers(loader, grappler)["answers"]
            signatures = self.original.signatures if self.original.model.by_name() or not described["signatures"] else described["signatures"]
            got = ask(self.lane, loader, result, self.original.model.tags, signatures, self.original.feeds, grappler)
            if "load" in got:
                row.problem(f"{loader} does not load it: {got['load']}")
                continue
            if loader not in row.loaders:
                row.loaders.append(loader)
            change = self.original.change(loader) if row.preset in ("exact", "float") and loader in MAIN + ("graph",) else 0.0
            for i, ((name, _), before, after) in enumerate(zip(self.original.feeds, expected, got["answers"])):
                facts = self.judge_answer(row, loader, grappler, change, name, before, after, i >= self.original.drawn)
                (drawn_facts if i >= self.original.drawn else all_facts).extend(f for _, f, _ in facts)
                low += [(loader, i, name, key, f, why) for key, f, why in facts if why.startswith("low: ")]
        figures = worst(all_facts)
        row.facts.update({k: figures[k] for k in ("sqnr", "relative", "agreement")})
        if drawn_facts:
            row.facts["sqnr_drawn"] = worst(drawn_facts)["sqnr"]
        if low:
            self.judge_chaos(row, report, low)

    def judge_answer(self, row, loader, grappler, change, name, before, after, drawn):
        """[(key, fact, sentence)] of one signature's answer."""
        if "outputs" not in before:
            return []
        if "outputs" not in after:
            row.problem(f"{loader} does not run {name}: {after.get('error') or after.get('skipped')}")
            return []
        facts = []
        if loader == "lite":  # the converter folds and fuses as it likes: a float result differs from the original's by rounding
            change = 1e-4
        for key, value in before["outputs"].items():
            if key not in after["outputs"]:
                row.problem(f"{loader}: output {name}/{key} is missing")
                continue
            fact = compare(value, after["outputs"][key])
            why = bounds.judge_output(row.preset, fact, grappler, change, self.original.described["ops"], drawn)
            if why and not why.startswith("low: "):
                row.problem(f"{loader}: {name}/{key}: {why}")
            facts.append((key, fact, why))
        return facts

    def judge_extras(self, row, result):
        if self.original.model.source == "sample":
            extras.judge_accuracy(self.original, self.lane, row, result)
            extras.judge_cli_process(self.original, row, result)
        if self.expected.get("as_folder") and self.original.feeds:
            extras.judge_folder_form(self.original, self.lane, row, result, Path(self.spare.name) / f"{row.preset}-folder")

    def judge_loading(self, row, loader, result, described):
        """The original loads here and answers nothing: the result must still load."""
        got = ask(self.lane, loader, result, self.original.model.tags, described["signatures"], [])
        if "load" in got:
            row.problem(f"{loader} does not load it: {got['load']}")
        else:
            row.note(f"{loader}: only loaded")

    def judge_chaos(self, row, report, low):
        """Outputs under the bound: the scheme's fault, or would any noise of its strength do the same?"""
        loader = next((l for l in ("v1", "graph", "tf2", "cpp") if any(entry[0] == l for entry in low)), None)
        noisy = self.noisy_answers(report, loader) if loader else []
        before = self.original.answers(loader)["answers"] if loader else []
        for where, i, name, key, fact, why in low:
            others = [compare(before[i]["outputs"][key], answers[i]["outputs"][key]) for answers in noisy
                      if "outputs" in before[i] and "outputs" in answers[i] and key in before[i]["outputs"] and key in answers[i]["outputs"]]
            excused, compared = bounds.chaotic(fact, others)
            known = self.expected.get("below", {}).get(row.preset)
            if known and fact.get("sqnr", -math.inf) >= known["db"]:
                # A bound that is missed and known to be: docs/limits.md says so, and it may not get worse.
                row.verdict = "below"
                row.note(f"{name}/{key}: {why[5:]}, {compared}; known: {known['because']}")
            elif excused:
                row.verdict = "chaotic"
                row.note(f"{name}/{key}: {why[5:]}, {compared}")
            else:
                row.problem(f"{where}: {name}/{key}: {why[5:]}, {compared}")

    def noisy_answers(self, report, loader):
        model = self.original.model
        strength = {t["name"]: t["sqnr_db"] for t in report.get("tensors", [])
                    if t.get("scheme") not in ("none", "splat") and isinstance(t.get("sqnr_db"), (int, float)) and math.isfinite(t["sqnr_db"])}
        float_result = self.out("float-for-noise")
        if not float_result.exists() and optimize(model, "float", float_result).status != "done":
            return []
        answers = []
        for seed in NOISE_SEEDS:
            out = self.out(f"noisy{seed}")
            made = self.lane.ask("py", {"do": "noisy_copy", "path": str(float_result), "kind": model.kind, "out": str(out), "sqnr_by_name": strength, "seed": seed})
            if not made.get("found"):
                return []
            described = self.lane.ask("py", {"do": "describe", "path": str(out), "kind": model.kind, "tags": list(model.tags)})
            signatures = described["signatures"] or self.original.signatures
            got = ask(self.lane, loader, out, model.tags, signatures, self.original.feeds)
            answers.append(got.get("answers", []))
        return answers

    def judge_second_run(self, row, result):
        again = self.out(f"{row.preset}-again")
        # A SavedModel made by naming inputs and outputs has a signature of its own by now.
        model = self.original.model
        arguments = model.arguments() if model.kind == "graph" else model.tag_arguments()
        outcome = optimize(result, row.preset, again, extra=arguments)
        if outcome.status != "done":
            row.problem(f"a second run fails: {outcome.code}: {outcome.sentence}")
            return
        before, after = digests(result), digests(again)
        differ = sorted(name for name in set(before) | set(after) if before.get(name) != after.get(name))
        if differ:
            row.problem(f"a second run gives other bytes: {', '.join(n or result.name for n in differ)}"[:200])
        (shutil.rmtree if again.is_dir() else Path.unlink)(again)
        row.facts["seconds_again"] = round(outcome.seconds, 2)
