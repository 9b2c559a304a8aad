"""Checks that only some models have: the sample's accuracy, the real saved_model_cli, a frozen graph written as a folder."""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .arrays import compare
from .bounds import judge_output
from .catalog import heldout
from .command import optimize
from .original import ask, full_name

ALLOWED_LOSS = {"exact": 0, "float": 0, "half": 1, "int8": 4}   # of the 360 held-out images


def judge_accuracy(original, lane, row, result):
    """The bundled sample must still read as many held-out digits (int8: all but four)."""
    images, labels = heldout(original.model.path.parent)
    count = lambda path: lane.ask("py", {"do": "accuracy", "path": str(path), "images": images, "labels": labels})
    before, after = original.cached({"do": "accuracy"}, lambda: count(original.model.path)), count(result)
    if "correct" not in before or "correct" not in after:
        row.problem(f"accuracy: {before.get('error') or after.get('error') or after.get('crashed')}")
        return
    row.facts.update(accuracy_before=before["correct"] / len(labels), accuracy_after=after["correct"] / len(labels))
    if after["correct"] < before["correct"] - ALLOWED_LOSS[row.preset]:
        row.problem(f"{after['correct']} of {len(labels)} held-out images are right, {before['correct']} were")


def judge_cli_process(original, row, result):
    """saved_model_cli as a user calls it, in a process of its own: show --all, then run."""
    cli = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli"]
    signature, feed = original.feeds[0]
    with tempfile.TemporaryDirectory() as spare:
        np.savez(Path(spare) / "in.npz", **{f"a{i}": feed[k] for i, k in enumerate(sorted(feed))})
        inputs = ";".join(f"{k}={spare}/in.npz[a{i}]" for i, k in enumerate(sorted(feed)))
        for arguments in (["show", "--dir", str(result), "--all"],
                          ["run", "--dir", str(result), "--tag_set", "serve", "--signature_def", signature, "--inputs", inputs, "--outdir", spare]):
            done = subprocess.run([*cli, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
            if done.returncode:
                said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
                row.problem(f"saved_model_cli {arguments[0]} ends with {done.returncode}: {' '.join(said)}"[:300])


def judge_folder_form(original, lane, row, result, folder):
    """A frozen graph written as a SavedModel (`-o FOLDER`): one signature over its inputs and outputs, which answers what the .pb answers."""
    outcome = optimize(original.model, row.preset, folder)
    if outcome.status != "done":
        row.problem(f"as a SavedModel folder: {outcome.code}: {outcome.sentence}")
        return
    described = lane.ask("py", {"do": "describe", "path": str(folder), "kind": "saved_model", "tags": ["serve"]})
    signatures = described.get("signatures") or {}
    if len(signatures) != 1:
        row.problem(f"as a SavedModel folder it has {len(signatures)} signatures: {described.get('error', '')}")
        return
    (name, signature), = signatures.items()
    tensors = lambda side: {key: parts[""] for key, info in signature[side].items() if "" in (parts := info["parts"])}
    inputs, outputs = tensors("inputs"), tensors("outputs")
    if set(inputs.values()) != {full_name(i) for i in original.model.inputs} or set(outputs.values()) != {full_name(o) for o in original.model.outputs}:
        row.problem(f"as a SavedModel folder its signature is {sorted(inputs.values())} -> {sorted(outputs.values())}")
        return
    feeds = [(name, {key: next(v for k, v in feed.items() if full_name(k) == tensor) for key, tensor in inputs.items()}) for _, feed in original.feeds]
    expected = ask(lane, "graph", result, (), original.signatures, original.feeds).get("answers", [])
    for loader in ("tf2", "v1", "cpp"):
        got = ask(lane, loader, folder, ["serve"], signatures, feeds)
        for before, after in zip(expected, got.get("answers", [{"error": got.get("load")}] * len(expected))):
            if "outputs" in before and "outputs" not in after:
                row.problem(f"as a SavedModel folder, {loader}: {after.get('error')}")
            elif "outputs" in before:
                by_tensor = {full_name(k): v for k, v in before["outputs"].items()}
                for key, tensor in outputs.items():
                    why = judge_output("float", compare(by_tensor[tensor], after["outputs"][key]), True, 0.0, {})
                    if why:
                        row.problem(f"as a SavedModel folder, {loader}: {key}: {why}")
