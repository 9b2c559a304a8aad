"""Long-lived TensorFlow processes: one for each kind of loader, started when first needed, started again after a crash.

    py     TensorFlow's Python package: both Python loaders, frozen graphs, saved_model_cli, Keras, re-saving, descriptions
    cpp    the C++ loader through the C API, in a process without Python's TensorFlow
    lite   the TFLite converter and interpreter (MLIR ends the process where it meets what it did not expect)

A request that crashes or outlasts its limit is answered with {"crashed": sentence}: for a result that is a finding, never
the end of the suite.
"""
import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from .frames import receive, send

LIMIT_S = 300
MEMORY_LIMIT = 4 << 30   # a worker above this is replaced when idle: graphs of earlier models are not always freed


class Worker:
    def __init__(self, kind, log_folder):
        self.kind, self.process, self.log_path = kind, None, Path(log_folder) / f"{kind}-{id(self):x}.log"

    def start(self):
        env = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="", PYTHONWARNINGS="ignore",
                   PYTHONDONTWRITEBYTECODE="1", KERAS_BACKEND="tensorflow")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "lib.worker", self.kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=log, cwd=Path(__file__).resolve().parents[1], env=env)

    def stop(self):
        if self.process:
            process, self.process = self.process, None
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):  # what a dead process was still to be told
                    pipe.close()

    def memory(self):
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0

    def ask(self, request, limit=LIMIT_S, again=True):
        if self.process and self.memory() > MEMORY_LIMIT:
            self.stop()
        if not self.process:
            self.start()
        try:
            send(self.process.stdin, request)
            if not select.select([self.process.stdout], [], [], limit)[0]:
                self.stop()
                return {"crashed": f"no answer in {limit} s"}
            return receive(self.process.stdout)
        except (EOFError, BrokenPipeError):
            code = self.process.wait()
            self.stop()
            if code == -signal.SIGKILL and again:  # somebody else ended it (out of memory): no model does that to itself
                return self.ask(request, limit, again=False)
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            return {"crashed": f"TensorFlow's process ended ({how}): {self.last_words()}"}

    def last_words(self):
        lines = [l for l in self.log_path.read_text(errors="replace").splitlines() if l.strip()]
        return " ".join(lines[-1:])[:300]


class Lane:
    """The workers of one thread of the suite."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="whittle-oracle-")
        self.workers, self.copies = {}, 0

    def ask(self, kind, request, limit=LIMIT_S):
        if kind not in self.workers:
            self.workers[kind] = Worker(kind, self.folder.name)
        return self.workers[kind].ask(request, limit)

    def without_grappler(self, path):
        """Where to load a model from so that Grappler stays out of its functions, too (quiet.py)."""
        self.copies += 1
        return self.ask("py", {"do": "quiet_copy", "path": str(path), "out": str(Path(self.folder.name) / f"quiet{self.copies}")}).get("path", path)

    def close(self):
        for worker in self.workers.values():
            worker.stop()
        self.folder.cleanup()
