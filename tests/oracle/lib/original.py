"""What an original does in TensorFlow: its description, which loaders run it, its answers with and without Grappler.

Everything an original is asked is asked once: answers are kept in memory for the presets that follow, and in .cache/oracle for the
next start of the suite (the key covers the model's bytes, the request and this folder's code).
"""
import hashlib
import importlib.metadata
import os
import pickle
from pathlib import Path

import numpy as np

from .arrays import compare, drawn_anew, is_float, worst
from .catalog import ROOT

MAIN = ("tf2", "v1", "cpp")                    # loaders whose answers are compared for every preset
SIDE = ("cli", "keras", "resave", "lite")      # further ways, tried where the original takes them
WORKER = {"tf2": "py", "v1": "py", "graph": "py", "cpp": "cpp", "lite": "lite", "cli": "py", "keras": "py", "resave": "py"}


def full_name(name):
    return name if ":" in name else name + ":0"


def named_signature(model):
    """The signature of something that has none: its inputs and outputs by tensor names."""
    info = lambda names: {n: {"dtype": None, "shape": None, "parts": {"": full_name(n)}} for n in names}
    return {"graph": {"method": "", "inputs": info(model.inputs), "outputs": info(model.outputs)}}


def ask(lane, loader, path, tags, signatures, feeds, grappler=True):
    path = path if grappler else lane.without_grappler(path)
    request = {"do": "side" if loader in ("cli", "keras", "resave") else "run", "path": str(path), "loader": loader, "tags": list(tags),
               "signatures": signatures, "feeds": feeds, "grappler": grappler}
    answer = lane.ask(WORKER[loader], request)
    return answer if "answers" in answer or "load" in answer else {"load": answer.get("crashed") or answer.get("error"), **answer}


class Cache:
    def __init__(self, folder=ROOT / ".cache" / "oracle"):
        self.folder, self.crashed = folder, {}
        code = hashlib.sha256(importlib.metadata.version("tensorflow-cpu").encode())
        for name in ("arrays", "capi", "catalog", "describe", "lite", "loaders", "original", "quiet", "side_loaders"):
            code.update((Path(__file__).parent / f"{name}.py").read_bytes())
        self.code = code.hexdigest()

    def digest(self, path):
        whole = hashlib.sha256(self.code.encode())
        for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
            whole.update(str(file.relative_to(path.parent)).encode() + hashlib.sha256(file.read_bytes()).digest())
        return whole.hexdigest()

    def get(self, digest, request, make):
        key = hashlib.sha256(digest.encode() + pickle.dumps(request)).hexdigest()
        if key in self.crashed:
            return self.crashed[key]
        file = self.folder / f"{key}.pickle"
        if file.is_file():
            try:
                return pickle.loads(file.read_bytes())
            except Exception:  # a killed run may have left half a file
                file.unlink(missing_ok=True)
        answer = make()
        if isinstance(answer, dict) and "crashed" in answer:  # or too slow on a busy machine: not for the next start
            self.crashed[key] = answer
            return answer
        self.folder.mkdir(parents=True, exist_ok=True)
        spare = file.with_suffix(f".{os.getpid()}-{id(answer):x}")
        spare.write_bytes(pickle.dumps(answer, protocol=5))
        spare.rename(file)
        return answer


class Original:
    def __init__(self, model, lane, cache):
        self.model, self.lane, self.cache, self.digest = model, lane, cache, cache.digest(model.path)
        self.described = self.cached({"do": "describe"}, lambda: lane.ask("py", {
            "do": "describe", "path": str(model.path), "kind": model.kind, "tags": list(model.tags)}))
        plain = model.kind == "graph" or model.by_name()
        self.signatures = named_signature(model) if plain else self.described.get("signatures", {})
        self.recorded = {name: fed for name, fed in self.recorded_feeds()}
        recorded = self.runnable([(s, f) for s, (f, _) in self.recorded.items()])
        drawn = self.runnable([(s, fresh) for s, (f, _) in self.recorded.items() if (fresh := drawn_anew(f, 2)) is not None])
        self.feeds, self.drawn = recorded + drawn, len(recorded)   # the feeds from index `drawn` on were drawn, not recorded

    def recorded_feeds(self):
        """Recorded inputs under the signature's own name: a golden's file name cannot hold its slashes."""
        plain = {name.replace("/", "_"): name for name in self.signatures}
        for name, feed in self.model.feeds().items():
            if name in self.signatures or name in plain:
                yield (name if name in self.signatures else plain[name]), feed

    def cached(self, request, make):
        key = {"name": self.model.name, "tags": self.model.tags, **request}
        return self.cache.get(self.digest, key, make)

    def loaders(self):
        if self.model.kind == "graph":
            return ("graph",)
        return ("v1", "cpp") if self.model.by_name() else MAIN

    def runnable(self, feeds):
        """Feeds that the original answers in at least one loader (a fresh draw may be out of its range)."""
        if not feeds:
            return []
        found = set()
        for loader in self.loaders():
            answers = self.answers(loader, feeds=feeds).get("answers", [])
            found |= {i for i, a in enumerate(answers) if "outputs" in a}
        return [f for i, f in enumerate(feeds) if i in found]

    def answers(self, loader, grappler=True, feeds=None):
        feeds = self.feeds if feeds is None else feeds
        request = {"loader": loader, "grappler": grappler, "feeds": feeds}
        return self.cached(request, lambda: ask(self.lane, loader, self.model.path, self.model.tags, self.signatures, feeds, grappler))

    def runs_in(self, loader):
        """Whether this loader answers anything here: then the result must answer, too."""
        answers = self.answers(loader).get("answers", []) if self.feeds else []
        return any("outputs" in a for a in answers) and not (loader == "lite" and self.converts_without_values(answers))

    def converts_without_values(self, answers):
        """The converter takes a model whose restore function fills copies and makes zeros of its variables: answers that are none."""
        return any(compare(answered[key], a["outputs"][key]).get("relative", np.inf) > 0.1
                   for (name, _), a in zip(self.feeds[:self.drawn], answers) if "outputs" in a
                   for _, answered in [self.recorded[name]] for key in set(answered) & set(a["outputs"]) if is_float(answered[key]))

    def loads_in(self, loader):
        """Loads, whether or not anything can be run."""
        return "load" not in self.answers(loader)

    def change(self, loader):
        """How much Grappler itself changes the original's answers: the yardstick for float results."""
        on, off = self.answers(loader, True), self.answers(loader, False)
        facts = []
        for a, b in zip(on.get("answers", []), off.get("answers", [])):
            if "outputs" in a and "outputs" in b:
                facts += [compare(a["outputs"][k], b["outputs"][k]) for k in a["outputs"] if k in b["outputs"]]
        return worst(facts)["relative"]

    def agrees_with_goldens(self):
        """Sentences where TensorFlow here answers otherwise than recorded: then the suite itself is set up wrongly."""
        wrong = []
        for loader in self.loaders():
            for (name, feed), answer in zip(self.feeds, self.answers(loader).get("answers", [])):
                fed, answered = self.recorded[name]
                if "outputs" not in answer or feed is not fed:
                    continue
                for key in set(answered) & set(answer["outputs"]):
                    fact = compare(answered[key], answer["outputs"][key])
                    if fact.get("relative", 0) > 1e-4 or fact.get("agreement", 1) < 1:
                        wrong.append(f"{loader} answers {name}/{key} otherwise than recorded")
        return wrong
