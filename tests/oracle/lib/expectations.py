"""expectations.json: what is known about each model beforehand, so that nothing is passed over in silence.

    refusals   the closed list: {name: {code and sentence (regular expressions), because}}
    models     {model: …}, each key optional
        loaders          in which the original answers in TensorFlow 2.21; the suite fails where it finds fewer
        refused          a name of the list: every preset must refuse this model so
        may_refuse       a name of the list: a refusal is as good as a result
        below            {preset: {db, because}}: a bound that is missed and known to be; the dB reached may not fall
        max_bytes        {preset: bytes} that were reached once and may not grow again
        float_by_design  bytes of big float constants that are no weights and stay float
        as_folder        a frozen graph that is also written as a SavedModel
"""
import json
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "expectations.json"
MAX_REFUSED = 4   # of the runnable shared and generated models


class Expectations:
    def __init__(self, file=FILE):
        data = json.loads(file.read_text())
        self.file, self.refusals, self.models = file, data["refusals"], data["models"]

    def of(self, name):
        return self.models.get(name, {})

    def learn_loaders(self, name, loaders):
        self.models.setdefault(name, {})["loaders"] = list(loaders)

    def learn_bytes(self, name, preset, count):
        self.models.setdefault(name, {}).setdefault("max_bytes", {})[preset] = count

    def save(self):
        rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, sort_keys=True)}" for k, v in sorted(self.models.items()))
        refusals = json.dumps(self.refusals, indent=1)
        self.file.write_text(f'{{"refusals": {refusals},\n "models": {{\n{rows}\n }}}}\n')
