"""The command under test: WHITTLE_COMMAND, else the native build, else the wasm module in Node."""
import dataclasses
import json
import os
import shlex
import subprocess
import time
from pathlib import Path

from .catalog import ROOT

LIMIT_S = 600


def base_command():
    """The command as a list, or None where there is nothing to run."""
    if os.environ.get("WHITTLE_COMMAND"):
        return shlex.split(os.environ["WHITTLE_COMMAND"])
    native, node = ROOT / "build" / "native" / "tools" / "whittle" / "whittle", ROOT / "wasm" / "bin" / "whittle.mjs"
    if native.is_file():
        return [str(native)]
    return ["node", str(node)] if node.is_file() else None


@dataclasses.dataclass
class Outcome:
    """What one run of `whittle optimize` came to."""
    status: str                     # "done", "refused" (a named error) or "broken" (anything the contract does not know)
    seconds: float
    report: dict = dataclasses.field(default_factory=dict)
    code: str = ""                  # of the error
    sentence: str = ""


def optimize(model, preset, out, extra=()):
    """Runs one preset; `model` is a catalog.Model or a path with its arguments in `extra`."""
    path, arguments = (model.path, model.arguments()) if hasattr(model, "path") else (model, [])
    command = [*base_command(), "optimize", str(path), "-o", str(out), "--preset", preset, "--json", *arguments, *extra]
    start = time.monotonic()
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Outcome("broken", LIMIT_S, sentence=f"no end in {LIMIT_S} s")
    seconds, said = time.monotonic() - start, done.stderr.decode(errors="replace").strip()
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = said.splitlines()[-1] if said else ""
        return Outcome("broken", seconds, sentence=f"exit code {done.returncode}, stdout is no JSON; stderr ends: {last}"[:400])
    if done.returncode == 0:
        return Outcome("done", seconds, answer) if "error" not in answer else Outcome("broken", seconds, sentence="exit code 0 with an error in the JSON")
    error = answer.get("error") if isinstance(answer, dict) else None
    if done.returncode not in (1, 3) or not isinstance(error, dict):
        return Outcome("broken", seconds, sentence=f"exit code {done.returncode}: {said.splitlines()[-1] if said else 'nothing on stderr'}"[:400])
    place = ", in " + ", ".join(map(str, error["where"])) if error.get("where") else ""
    left = "; yet the output is there" if Path(out).exists() else ""
    status = "broken" if left else "refused"
    return Outcome(status, seconds, code=str(error.get("code", "")), sentence=str(error.get("message", "")) + place + left)
