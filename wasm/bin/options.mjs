// Made by tools/generate_options.mjs from tools/options.json; change it there.

export const COMMANDS = {
  "inspect": {
    "operands": [
      "MODEL"
    ]
  },
  "optimize": {
    "operands": [
      "MODEL"
    ]
  },
  "compare": {
    "operands": [
      "A",
      "B"
    ]
  },
  "list": {
    "operands": [
      "WHAT"
    ],
    "choices": [
      "presets",
      "transforms",
      "schemes",
      "kernels"
    ]
  }
};

export const OPTIONS = {
  "output": {
    "short": "o",
    "kind": "text",
    "commands": [
      "optimize"
    ],
    "required": true
  },
  "preset": {
    "kind": "choice",
    "commands": [
      "optimize"
    ],
    "choices": [
      "exact",
      "float",
      "half",
      "int8"
    ]
  },
  "transforms": {
    "kind": "text",
    "commands": [
      "optimize"
    ]
  },
  "recipe": {
    "kind": "file",
    "commands": [
      "optimize"
    ]
  },
  "format": {
    "kind": "choice",
    "commands": [
      "optimize"
    ],
    "choices": [
      "saved_model",
      "graph_def"
    ]
  },
  "form": {
    "kind": "choice",
    "commands": [
      "optimize"
    ],
    "choices": [
      "frozen"
    ]
  },
  "tags": {
    "kind": "list",
    "commands": [
      "inspect",
      "optimize",
      "compare"
    ]
  },
  "signatures": {
    "kind": "list",
    "commands": [
      "optimize",
      "compare"
    ]
  },
  "inputs": {
    "kind": "list",
    "commands": [
      "optimize"
    ]
  },
  "outputs": {
    "kind": "list",
    "commands": [
      "optimize"
    ]
  },
  "keep-devices": {
    "kind": "flag",
    "commands": [
      "optimize"
    ]
  },
  "force": {
    "kind": "flag",
    "commands": [
      "optimize"
    ]
  },
  "explain": {
    "kind": "list",
    "commands": [
      "optimize"
    ]
  },
  "stop-after": {
    "kind": "count",
    "commands": [
      "optimize"
    ],
    "minimum": 0,
    "maximum": 1000
  },
  "verify": {
    "kind": "count",
    "commands": [
      "optimize",
      "compare"
    ],
    "minimum": 1,
    "maximum": 1000
  },
  "no-verify": {
    "kind": "flag",
    "commands": [
      "optimize"
    ]
  },
  "samples": {
    "kind": "list",
    "commands": [
      "optimize",
      "compare"
    ]
  },
  "min-sqnr": {
    "kind": "number",
    "commands": [
      "optimize",
      "compare"
    ]
  },
  "min-agreement": {
    "kind": "number",
    "commands": [
      "optimize",
      "compare"
    ]
  },
  "keep-anyway": {
    "kind": "flag",
    "commands": [
      "optimize"
    ]
  },
  "workers": {
    "kind": "count",
    "commands": [
      "inspect",
      "optimize",
      "compare"
    ],
    "minimum": 1,
    "maximum": 64
  },
  "json": {
    "kind": "flag",
    "commands": [
      "inspect",
      "optimize",
      "compare",
      "list"
    ]
  },
  "quiet": {
    "kind": "flag",
    "commands": [
      "inspect",
      "optimize",
      "compare"
    ]
  },
  "help": {
    "short": "h",
    "kind": "flag",
    "commands": [
      "inspect",
      "optimize",
      "compare",
      "list"
    ]
  }
};

export const EXCLUDES = [["preset","transforms","recipe"],["signatures","inputs"],["signatures","outputs"],["verify","no-verify"],["samples","no-verify"],["min-sqnr","no-verify"],["min-agreement","no-verify"],["keep-anyway","no-verify"]];
export const TOGETHER = [["inputs","outputs"]];

export const HELP = {
  "": "whittle: makes TensorFlow SavedModels smaller, on this machine\n\n  whittle inspect MODEL            what is in a model, and why it is big\n  whittle optimize MODEL -o OUT    writes a smaller model that stock TensorFlow runs\n  whittle compare A B              outputs of two models side by side, of any two formats\n  whittle list WHAT                what there is: presets, transforms, schemes or kernels\n  whittle COMMAND --help           the options of a command\n  whittle --version                prints the version\n\nMODEL is a SavedModel folder (or one that holds it) or a frozen graph (.pb).\nExit codes:\n  0    done\n  1    refused or failed; stderr says `error: CODE: sentence, in PLACE`, with --json stdout is {\"error\":\n       {code, message, where}}\n  2    wrong usage\n  3    a size or quality bound was missed\n  130  cancelled\n",
  "inspect": "whittle inspect MODEL [options]: what is in a model, and why it is big\n\n  --tags A,B              tags of the meta graph to use (default: the serving graph)\n  --workers N             workers that move weights; the result does not depend on it (default: one a\n                          core, at most 4)\n  --json                  prints the report as JSON, and nothing else\n  --quiet                 no progress, no table\n  -h, --help              prints this\n",
  "optimize": "whittle optimize MODEL [options]: writes a smaller model that stock TensorFlow runs\n\n  -o, --output OUT        a new or empty folder; OUT.zip writes a zip, OUT.pb one frozen graph\n  --preset NAME           exact: same bits; float: folds batch norms; half: 16-bit weights; int8: 8-bit\n                          weights (default: int8)\n  --transforms LIST       instead of a preset: 'fold_constants(ignore_errors=true) quantize_weights'\n  --recipe FILE           instead of a preset: the `recipe` of a report, as JSON\n  --format NAME           container of the result; one of saved_model, graph_def (default: saved_model)\n  --form NAME             where the weights go: frozen, constants in the graph (default: frozen)\n  --tags A,B              tags of the meta graph to use (default: the serving graph)\n  --signatures A,B        signatures to keep, or to compare (default: all)\n  --inputs X,Y            instead of signatures: tensors to feed; needs --outputs\n  --outputs Z             instead of signatures: tensors to fetch; needs --inputs\n  --keep-devices          keeps the devices that nodes name\n  --force                 replaces OUT, after success\n  --explain NODE,…        tells what each transform did to these nodes\n  --stop-after N          runs only the first N transforms, to find the one that goes wrong\n  --verify N              sets of inputs on which original and result are run and compared (default: as\n                          many as are cheap)\n  --no-verify             does not run the models\n  --samples FILE,…        inputs for that: .npz, .npy, .json or .png (default: the model's warm-up\n                          requests, else noise)\n  --min-sqnr DB           a bound: decibels that every float output must reach, else exit 3 and no\n                          result (default: by recipe)\n  --min-agreement SHARE   a bound: share of equal answers, from 0 to 1\n  --keep-anyway           keeps the result when a bound was missed; exit 3 all the same\n  --workers N             workers that move weights; the result does not depend on it (default: one a\n                          core, at most 4)\n  --json                  prints the report as JSON, and nothing else\n  --quiet                 no progress, no table\n  -h, --help              prints this\n",
  "compare": "whittle compare A B [options]: outputs of two models side by side, of any two formats\n\n  --tags A,B              tags of the meta graph to use (default: the serving graph)\n  --signatures A,B        signatures to keep, or to compare (default: all)\n  --verify N              sets of inputs on which original and result are run and compared (default: as\n                          many as are cheap)\n  --samples FILE,…        inputs for that: .npz, .npy, .json or .png (default: the model's warm-up\n                          requests, else noise)\n  --min-sqnr DB           a bound: decibels that every float output must reach, else exit 3 and no\n                          result (default: by recipe)\n  --min-agreement SHARE   a bound: share of equal answers, from 0 to 1\n  --workers N             workers that move weights; the result does not depend on it (default: one a\n                          core, at most 4)\n  --json                  prints the report as JSON, and nothing else\n  --quiet                 no progress, no table\n  -h, --help              prints this\n",
  "list": "whittle list WHAT [options]: what there is: presets, transforms, schemes or kernels\n\n  --json                  prints the report as JSON, and nothing else\n  -h, --help              prints this\n"
};
