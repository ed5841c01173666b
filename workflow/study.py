"""A study file (params/studies/*.yaml) as the list of notebook runs that it asks for."""

import ast
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import yaml

from ganprune_utils import checkpoints, parameters
from ganprune_utils.artifacts import has_classifier, shipped_root
from ganprune_utils.errors import ParameterError

ROOT = Path(__file__).resolve().parent.parent
NAME = {"type": "string", "pattern": r"^[A-Za-z0-9_-]+$"}


NUMBERS = {
    "classifier": "00_classifier",
    "train": "01_train",
    "prune": "02_prune",
    "sensitivity": "04_layer_sensitivity",
    "audit": "05_audit",
    "structured": "06_structured",
    "retrain": "07_retrain",
    "compression": "10_compression",
    "cost": "11_cost",
    "unet": "08_train_unet",
    "narrow": "08_train_unet",
    "inner": "08_unet_inner_layers",
}
# Notebooks that need no more than a shipped pair: on every seed of it, or on the first; true, or a list of data sets.
EVERY_SEED, FIRST_SEED = ("sensitivity", "compression"), ("audit", "structured", "cost")


def _mapping(required: list[str], **entries) -> dict:
    return {"type": "object", "required": required, "properties": entries, "additionalProperties": False}


def _list_of(items: dict) -> dict:
    return {"type": "array", "items": items, "minItems": 1, "uniqueItems": True}


ON = {"anyOf": [{"type": "boolean"}, _list_of({"enum": list(parameters.DATASETS)})]}
PAIR = _mapping(
    ["dataset"],
    dataset={"enum": list(parameters.DATASETS)},
    seeds=_list_of({"type": "integer", "minimum": 0}),
    train={"type": "string"},
    checkpoint={"type": "string", "minLength": 1},
    image_folder={"type": "string", "minLength": 1},
)
CELL = _mapping(
    ["method", "thresholds"],
    part={"enum": list(parameters.PARTS)},
    method={"enum": list(parameters.METHODS)},
    scope={"type": "string"},
    thresholds=_list_of({"type": "number"}),
    seeds=_list_of({"type": "integer", "minimum": 0}),  # only these of the pair's
)
ARM = _mapping(
    ["dataset", "arm"],
    dataset={"enum": list(parameters.DATASETS)},
    seed={"type": "integer", "minimum": 0},
    **{name: {} for name in ("arm", "kind", "criterion", "parts", "rewind", "compressions", "discriminator_rate")},
    scratch_steps={},  # the dense training's, which differ between data sets
)
UNET = _mapping(
    ["task", "train"], task={"type": "string"}, train={"type": "string"}, narrow=_list_of({"type": "string"})
)
INNER = ("ratios", "levels", "macs_left", "parameters_left", "n_seeds", "steps", "margin", "margin_of_gain")
INNER += ("longer", "seconds", "threads", "n_test")
COMMON = ("rounds", "steps", "scratch_steps", "n_round", "n_quality")  # to all arms, so that they compare
SCHEMA = _mapping(
    ["study"],
    study=NAME,
    # Only where reports and results belong: a run removes and rewrites what it writes.
    report={"type": "string", "pattern": r"^(reports|results/[A-Za-z0-9_-]+)(/[A-Za-z0-9_-]+)*$"},
    pairs=_list_of(PAIR),
    prune=_mapping(["cells"], n_samples={"type": "integer"}, n_quality={"type": "integer"}, cells=_list_of(CELL)),
    **{step: ON for step in (*EVERY_SEED, *FIRST_SEED)},
    retrain=_mapping(["arms"], arms=_list_of(ARM), **{name: {} for name in COMMON}),
    classifiers=_list_of({"type": "string"}),
    unets=_list_of(UNET),
    inner=_mapping([], **{name: {} for name in INNER}),
    examples={"type": "array", "items": {"type": "string"}, "uniqueItems": True},
)


@dataclass
class Study:
    """`runs` maps a run folder to its notebook and parameters; `report` is where tables and figures go."""

    name: str
    report: str
    runs: dict[str, dict] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def prunes(self) -> bool:
        return any(run["step"] == "prune" for run in self.runs.values())

    @property
    def compares(self) -> bool:
        """Whether there is one table of all ways to a smaller generator (notebook 12)."""
        return any(run["step"] == "compression" for run in self.runs.values())

    @property
    def cuts(self) -> bool:
        """Whether U-Nets are cut, so that notebook 14 has something to put together."""
        return any(run["step"] == "inner" for run in self.runs.values())

    @property
    def measures_quality(self) -> bool:
        """Whether any run leaves quality scores: a generator is pruned, and a classifier ships for its data set."""
        return any(
            run["step"] == "prune"
            and run["parameters"]["n_quality"]
            and run["parameters"]["part"] == "generator"
            and has_classifier(run["parameters"]["dataset"])
            for run in self.runs.values()
        )

    def parameters(self, folder: str) -> str:
        return json.dumps(self.runs[folder]["parameters"], sort_keys=True)

    def example(self, name: str) -> str:
        """The run folder whose executed notebook is published under `name`."""
        return next(run for run in self.examples if example_name(run) == name)


def load(path) -> Study:
    """Read and check a study file; ParameterError names the file, the place in it and what is allowed there."""
    path = Path(path)
    content = read_yaml(path)
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(SCHEMA).iter_errors(content))
    if error:
        raise ParameterError(f"{path}: {error.json_path.removeprefix('$.')}: {' '.join(error.message.split())}")
    name = content["study"]
    study = Study(name, content.get("report", f"results/{name}/report"))
    try:
        for path_of_classifier in content.get("classifiers", []):
            _add_classifier(study, path_of_classifier)
        for pair in content.get("pairs", []):
            seeds = pair.get("seeds", [0])
            shipped = pair.get("checkpoint", "shipped") == "shipped" and "train" not in pair
            for seed in seeds:
                _add_pair(study, content.get("prune", {}), pair, seed)
                for step in (*EVERY_SEED, *FIRST_SEED) if shipped else ():
                    asked = content.get(step)
                    asked = pair["dataset"] in asked if isinstance(asked, list) else asked
                    if asked and (step in EVERY_SEED or seed == seeds[0]):
                        _add_on_shipped(study, step, pair["dataset"], seed)
        retrain = content.get("retrain", {"arms": []})
        for arm in retrain["arms"]:
            _add_arm(study, arm, {name: retrain[name] for name in COMMON if name in retrain})
        for unet in content.get("unets", []):
            _add_unet(study, unet, content.get("inner"))
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from None
    if not study.runs:
        raise ParameterError(f"{path}: asks for no run; needs pairs, classifiers or unets")
    study.examples = [f"results/{name}/{example}" for example in content.get("examples", [])]
    for example in study.examples:
        if example not in study.runs:
            raise ParameterError(
                f"{path}: examples: {example.removeprefix(f'results/{name}/')} is no run of this study"
            )
    return study


def example_name(folder: str) -> str:
    """The published name of a run's executed notebook: its number, data set, seed and cell."""
    names = folder.split("/")[2:]  # data set, seed (but for a classifier), step, cell
    step = next(name for name in names if name in NUMBERS)
    # Two steps run the same notebook, a U-Net's training and that of a narrower one.
    return "-".join([NUMBERS[step], *(name for name in names if name != step or step == "narrow")]) + ".ipynb"


def _add_pair(study: Study, prune: dict, pair: dict, seed: int) -> None:
    dataset = pair["dataset"]
    base = f"results/{study.name}/{dataset}/seed{seed}"
    common = {"dataset": dataset, "seed": seed}
    checkpoint = pair.get("checkpoint", "shipped")
    if "train" in pair:
        if "checkpoint" in pair:
            raise ParameterError(f"pair {dataset}: has train and checkpoint; one of them")
        settings = {"image_folder": "", **read_yaml(ROOT / pair["train"])}
        if settings.get("dataset") != dataset:
            raise ParameterError(f"{pair['train']}: trains {settings.get('dataset')}, the pair is of {dataset}")
        settings |= common | {"image_folder": pair.get("image_folder", settings["image_folder"])}
        parameters.check(settings)
        checkpoint = f"{base}/train"
        _add(study, checkpoint, {"step": "train", "parameters": settings | {"output": checkpoint}})
        source = f"{checkpoint}/manifest.json"
    else:
        folder = shipped_root() / dataset / f"seed{seed}" if checkpoint == "shipped" else ROOT / checkpoint
        generator = folder / "generator.safetensors"
        if not generator.is_file():
            raise ParameterError(f"pair {dataset} seed {seed}: checkpoint {checkpoint} has no {generator}")
        source = weights_of(folder)
    for cell in _cells_of(prune, dataset, seed):
        for threshold in cell["thresholds"]:
            settings = {
                **common,
                "checkpoint": checkpoint,
                "part": cell.get("part", "generator"),
                "method": cell["method"],
                "scope": cell.get("scope", "default"),
                "threshold": threshold,
                "n_samples": prune.get("n_samples", 250),
                "n_quality": prune.get("n_quality", 5000),
                "threads": 1,  # cells run side by side, one core each
            }
            settings = parameters.check(settings)
            label = f"{settings['part']}-{settings['method']}-{settings['scope']}-{settings['threshold']:g}"
            folder = f"{base}/prune/{label}"
            _add(study, folder, {"step": "prune", "parameters": settings | {"output": folder}, "source": source})


def _cells_of(prune: dict, dataset: str, seed: int) -> list[dict]:
    """The cells of a seed, and where quality is measured the dense generator: a percentage of 0, where curves start."""
    cells = [cell for cell in prune.get("cells", []) if seed in cell.get("seeds", [seed])]
    kinds = [(c["method"], c.get("scope", "default"), c.get("part", "generator"), 0 in c["thresholds"]) for c in cells]
    there = {("percentage", scope, "generator", True) for scope in ("default", "global")} & set(kinds)
    if there or not cells or not prune.get("n_quality", 5000) or not has_classifier(dataset):
        return cells
    return [*cells, {"method": "percentage", "thresholds": [0]}]


def weights_of(folder: Path) -> list[str]:
    """The weights in a pair's folder, and those of the classifier beside it: what a run has to be done again for."""
    found = [*folder.glob("*.safetensors"), *folder.parent.glob("classifier/*.safetensors")]
    return sorted(str(path) for path in found)


def _add_on_shipped(study: Study, step: str, dataset: str, seed: int) -> None:
    """A notebook that needs no more than a shipped pair."""
    folder = f"results/{study.name}/{dataset}/seed{seed}/{step}"
    source = weights_of(shipped_root() / dataset / f"seed{seed}")
    # What is timed has the machine to itself.
    threads = os.cpu_count() if step == "cost" else 1
    settings = parameters.check({"dataset": dataset, "seed": seed, "threads": threads})
    _add(study, folder, {"step": step, "parameters": settings | {"output": folder}, "source": source})


def _add_arm(study: Study, arm: dict, common: dict) -> None:
    """An arm of the retraining. Its name says what differs; what arms have in common is trained once, in `states`."""
    settings = {"seed": 0, "threads": 1, **common, **arm}
    if isinstance(settings.get("compressions"), int | float):
        settings["compressions"] = f"{settings['compressions']:g}"
    settings = parameters.check(settings)
    base = f"results/{study.name}/{arm['dataset']}/seed{settings['seed']}"
    folder = f"{base}/retrain/{parameters.arm_name(settings)}"
    source = weights_of(shipped_root() / arm["dataset"] / f"seed{settings['seed']}")
    settings |= {"states": f"{base}/states", "output": folder}
    _add(study, folder, {"step": "retrain", "parameters": settings, "source": source})


def _add_unet(study: Study, unet: dict, inner: dict | None) -> None:
    """A U-Net's training, that of narrower ones but for what ships, and the cutting of its inner layers."""
    base = f"results/{study.name}/{unet['task']}/seed0"
    source, narrow = [], []

    def train(folder, step, path):
        settings = {"seed": 0, **read_yaml(ROOT / path)}
        if settings.get("task") != unet["task"]:
            raise ParameterError(f"{path}: is of task {settings.get('task')}, the U-Net of {unet['task']}")
        settings = parameters.check(settings)
        _add(study, folder, {"step": step, "parameters": settings | {"output": folder}, "source": []})
        source.append(f"{folder}/manifest.json")

    train(f"{base}/unet", "unet", unet["train"])
    for path in unet.get("narrow", []):
        narrow.append("shipped" if path == "shipped" else f"{base}/narrow")
        if path == "shipped":
            source.extend(weights_of(checkpoints.find(unet["task"], 0)))
        else:
            train(f"{base}/narrow", "narrow", path)
    if inner is not None:
        settings = {"task": unet["task"], "seed": 0, "checkpoint": f"{base}/unet", "narrow": " ".join(narrow)}
        settings = parameters.check(settings | inner)
        run = {"step": "inner", "parameters": settings | {"output": f"{base}/inner"}, "source": source}
        _add(study, f"{base}/inner", run)


def _add_classifier(study: Study, path: str) -> None:
    settings = parameters.check({"image_folder": "", "seed": 0, **read_yaml(ROOT / path)})
    folder = f"results/{study.name}/{settings['dataset']}/classifier"
    _add(study, folder, {"step": "classifier", "parameters": settings | {"output": folder}})


def _add(study: Study, folder: str, run: dict) -> None:
    if folder in study.runs:
        raise ParameterError(f"{folder}: asked for twice")
    study.runs[folder] = run


def read_yaml(path: Path) -> dict:
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise ParameterError(f"{path}: no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: is no YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise ParameterError(f"{path}: needs entries like 'name: value'")
    return content


def modules_of(notebook) -> list[str]:
    """The files of `ganprune_utils` that a notebook imports, directly or through one another.

    Snakemake does not see edits of imported modules, so they are named as inputs of the rule that runs the notebook.
    """
    cells = json.loads((ROOT / notebook).read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    waiting = {name for source in sources for name in _imports(source)}
    found: set[Path] = set()
    while waiting:
        path = _file_of(waiting.pop())
        if path and path not in found:
            found.add(path)
            waiting |= _imports(path.read_text())
    if any(path.name == "plots.py" for path in found):
        found.add(ROOT / "ganprune_utils/study.mplstyle")
    return sorted(str(path.relative_to(ROOT)) for path in found)


def _imports(source: str) -> set[str]:
    """Every dotted name under ganprune_utils that an import statement may load, its parent packages included."""
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    names = set()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    parts = [name.split(".") for name in names if name.split(".")[0] == "ganprune_utils"]
    return {".".join(part[:i]) for part in parts for i in range(1, len(part) + 1)}


def _file_of(name: str) -> Path | None:
    base = ROOT.joinpath(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)
