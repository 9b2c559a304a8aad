"""Which models there are: the outside folder WHITTLE_MODELS names, tests/corpus, and the bundled sample.

A model is a SavedModel folder or a frozen GraphDef with what is needed to run it: tags, signatures' goldens, names of
inputs and outputs. Its `name` is what --only and docs/models.md say: "guesslang", "kws-arm/DS_CNN_S", "generated/v2-ragged",
"corpus/v2-control-flow", "sample/digits_cnn".
"""
import dataclasses
import json
import os
from pathlib import Path

import numpy as np

from .arrays import load_npz

ROOT = Path(__file__).resolve().parents[3]


@dataclasses.dataclass
class Model:
    name: str
    path: Path
    kind: str                     # "saved_model" or "graph"
    source: str                   # "shared", "generated", "corpus" or "sample"
    tags: tuple = ("serve",)      # of the MetaGraph that is judged
    goldens: dict = dataclasses.field(default_factory=dict)   # {signature: .npz}, "graph" for a GraphDef
    inputs: tuple = ()            # node or tensor names: of a GraphDef, or of a SavedModel without signatures
    outputs: tuple = ()
    read: object = None           # instead of goldens: () -> {signature: (fed, answered)}

    def feeds(self):
        """{signature: (fed, answered)} as recorded."""
        return self.read() if self.read else {s: load_npz(p) for s, p in self.goldens.items()}

    def tag_arguments(self):
        return ["--tags", ",".join(self.tags)] if self.kind == "saved_model" and self.tags and self.tags != ("serve",) else []

    def arguments(self):
        """What the command line needs beyond the path."""
        found = self.tag_arguments()
        if self.inputs or self.outputs:
            found += ["--inputs", ",".join(self.inputs), "--outputs", ",".join(self.outputs)]
        return found

    def by_name(self):
        """A SavedModel without a signature: fed and fetched by tensor names."""
        return self.kind == "saved_model" and bool(self.outputs)


def of_index(folder):
    """The models of an outside folder's goldens/index.json (models/README.md there), one for each MetaGraph or graph file."""
    found = {}
    for row in json.loads((folder / "goldens" / "index.json").read_text())["models"]:
        if row["model"] == "dl4j-goldens":
            continue  # its inputs lie beside each graph: of_dl4j
        generated, frozen = row.get("generated", False), row.get("kind") == "frozen"
        tags = tuple(row.get("tags") or ())
        path = (folder / "generated" if generated else folder) / row["path"]
        name = ("generated/" if generated else "") + row["model"]
        if frozen:
            name = f"{row['model']}/{path.stem}"
        elif row["model"] in ("two-metagraphs", "v1-two-metagraphs") and tags != ("serve",):
            name += "+" + "+".join(tags)
        model = found.setdefault(name, Model(name, path, "graph" if frozen else "saved_model", "generated" if generated else "shared", tags))
        signature = row.get("signature")
        if frozen or signature == "(none)":
            model.inputs, model.outputs, signature = tuple(sorted(row["inputs"])), tuple(sorted(row["outputs"])), "graph"
        if row.get("file") and signature:
            model.goldens[signature] = folder / "goldens" / row["file"]
    for path in sorted(folder.iterdir()):  # SavedModels that came without an entry: their goldens go by the signature
        if path.name not in found and (path / "saved_model.pb").is_file() and (folder / "goldens" / path.name).is_dir():
            goldens = {g.stem: g for g in sorted((folder / "goldens" / path.name).glob("*.npz"))}
            found[path.name] = Model(path.name, path, "saved_model", "shared", goldens=goldens)
    return list(found.values())


def read_csv(stem, dtype):
    """One recorded tensor of the dl4j folders: STEM.csv, a number a line, and STEM.shape, a dimension a line."""
    values = [v for v in Path(f"{stem}.csv").read_text().split() if v]
    shape = [int(d) for d in Path(f"{stem}.shape").read_text().split()]
    return np.array([float(v) for v in values]).astype(dtype).reshape(shape)


def of_dl4j(folder):
    found = []
    for graph in sorted(folder.rglob("frozen_model.pb")):
        case = graph.parent
        listed = (case / "dtypes").read_text().splitlines() if (case / "dtypes").is_file() else []
        dtypes = dict(line.split() for line in listed if line.strip())
        stems = lambda kind: sorted(str(p)[:-4] for p in case.rglob(f"*.{kind}.csv"))
        inputs = {str(Path(s).relative_to(case)).removesuffix(".placeholder"): s for s in stems("placeholder")}
        outputs = {}
        for stem in stems("prediction"):
            node = str(Path(stem).relative_to(case)).removesuffix(".prediction").replace("____", "/")
            base, _, port = node.rpartition(".")
            outputs[f"{base}:{port}" if base and port.isdigit() else node] = stem

        def read(inputs=inputs, dtypes=dtypes):
            return {"graph": ({k: read_csv(s, dtypes.get(k, "float32")) for k, s in inputs.items()}, {})}

        found.append(Model("dl4j-goldens/" + str(case.relative_to(folder)), graph, "graph", "shared", inputs=tuple(inputs),
                           outputs=tuple(outputs), read=read))
    return found


def of_corpus(folder):
    found = []
    for row in json.loads((folder / "corpus.json").read_text())["models"]:
        frozen = "outputs" in row
        found.append(Model("corpus/" + row["name"], folder / row["path"], "graph" if frozen else "saved_model", "corpus",
                           goldens={s: folder / p for s, p in row["goldens"].items()},
                           inputs=tuple(row.get("inputs", ())), outputs=tuple(row.get("outputs", ()))))
    return found


def heldout(folder):
    """The bundled sample's held-out (images, labels): examples/sample/README.md says how they lie."""
    facts = json.loads((folder / "heldout.json").read_text())
    data = np.frombuffer((folder / facts["file"]).read_bytes(), np.uint8)
    count, shape = facts["count"], facts["shape"]
    images = data[:count * int(np.prod(shape))].reshape(count, *shape).astype(np.float32) * np.float32(facts["images"]["scale"])
    return images, data[facts["labels"]["offset"]:][:count]


def of_sample(folder):
    def read():
        return {"serving_default": ({"image": heldout(folder)[0][:16]}, {})}

    return [Model("sample/digits_cnn", folder / "digits_cnn", "saved_model", "sample", read=read)]


def missing_from(folder, models):
    """Folders of WHITTLE_MODELS that no model was made of: a model more there must not go by unseen."""
    used = {m.path.relative_to(folder).parts[0] for m in models if m.source == "shared"}
    used |= {"/".join(m.path.relative_to(folder).parts[:2]) for m in models if m.source == "generated"}
    there = {p.name for p in folder.iterdir() if p.is_dir() and p.name not in ("goldens", "generated")}
    there |= {f"generated/{p.name}" for p in (folder / "generated").iterdir() if p.is_dir()} if (folder / "generated").is_dir() else set()
    return sorted(there - used)


def all_models():
    """(models, reasons why some are absent)."""
    models, absent = [], []
    outside = os.environ.get("WHITTLE_MODELS")
    if outside and Path(outside).is_dir():
        folder = Path(outside).resolve()
        models += of_index(folder) + (of_dl4j(folder / "dl4j-goldens") if (folder / "dl4j-goldens").is_dir() else [])
        absent += [{"name": n, "reason": "no entry in goldens/index.json"} for n in missing_from(folder, models)]
    else:
        absent.append({"name": "WHITTLE_MODELS", "reason": "not set: only tests/corpus and the bundled sample are judged"})
    models += of_corpus(ROOT / "tests" / "corpus") + of_sample(ROOT / "examples" / "sample")
    return models, absent
