"""A study file (params/studies/*.yaml) as the list of notebook runs that it asks for."""

import ast
import functools
import itertools
import json
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ganprune_utils import parameters, provenance
from ganprune_utils.artifacts import has_classifier, pretrained_root, resolve, write_atomic
from ganprune_utils.errors import ParameterError

# An optional part of jsonschema, for addresses, that takes two seconds to import; here and in papermill, which needs it
# as little.
sys.modules.setdefault("rfc3987_syntax", None)

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "workflow/schemas/study.schema.yaml"

NOTEBOOKS = {
    "classifier": "notebooks/00_classifier.ipynb",
    "plain_classifier": "notebooks/00_classifier.ipynb",
    "train": "notebooks/01_train.ipynb",
    "prune": "notebooks/02_prune.ipynb",
    "sensitivity": "notebooks/03_layer_sensitivity.ipynb",
    "audit": "notebooks/05_audit.ipynb",
    "structured": "notebooks/06_structured.ipynb",
    "compression": "notebooks/07_compression.ipynb",
    "retrain": "notebooks/08_retrain.ipynb",
    "cost": "notebooks/09_cost.ipynb",
    "unet": "notebooks/10_train_unet.ipynb",
    "layer_scan": "notebooks/11_unet_layer_scan.ipynb",
    "equal_cost": "notebooks/12_unet_equal_cost.ipynb",
    "lip_sync": "notebooks/14_lip_sync.ipynb",
    "talking_face": "notebooks/15_train_talking_face.ipynb",
    "talking_layer_scan": "notebooks/16_talking_face_layer_scan.ipynb",
    "talking_equal_cost": "notebooks/17_talking_face_equal_cost.ipynb",
}
# Steps that need no more than a trained pair: on every seed of it, or on the first. Those whose notebook has no
# parameter checkpoint need a pretrained one.
EVERY_SEED, FIRST_SEED = ("sensitivity", "compression"), ("audit", "structured", "cost")
READ_DATA = ("classifier", "plain_classifier", "train", "retrain", "unet", "layer_scan", "equal_cost")
READ_DATA += ("lip_sync", "talking_face", "talking_layer_scan", "talking_equal_cost")
ALONE = ("cost",)  # what is timed has the machine to itself; equal_cost, which takes hours, times in turns


@dataclass(frozen=True)
class Run:
    """One run of the notebook of `step`; `sources` are the files that it reads: weights, or a training's manifest."""

    step: str
    parameters: dict
    sources: list[str]

    @property
    def notebook(self) -> str:
        return NOTEBOOKS[self.step]

    @property
    def data(self) -> str:
        """What it reads of data: a folder (absolute), the name of a data set, or nothing."""
        if self.step not in READ_DATA:
            return ""
        given = declared(self.step) | self.parameters
        if folder := given.get("image_folder") or given.get("paired_folder") or given.get("clips_folder"):
            return str(resolve(folder))
        name = given.get("dataset") or given.get("source") or parameters.TASKS[given["task"]] or given["task"]
        return "" if name in ("digits", "drawn") else name  # which come with scikit-learn, or are made here

    def threads(self, cores: int) -> int:
        """How many of the machine's `cores` it takes: all if it is timed, else as many as its notebook uses."""
        return cores if self.step in ALONE else (declared(self.step) | self.parameters)["threads"]


@dataclass(frozen=True)
class Report:
    """A notebook that puts the study's runs together; `output` is the last file that it writes."""

    notebook: str
    parameters: dict
    output: str

    @property
    def name(self) -> str:
        return Path(self.notebook).stem


@dataclass
class Study:
    """`runs` by their folders; `report` is the folder of tables, figures and the page; `examples` are run folders."""

    name: str
    report: str
    runs: dict[str, Run] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def results(self) -> str:
        return f"results/{self.name}"

    @property
    def measures_quality(self) -> bool:
        """Whether any run leaves quality scores: of a pruned generator, where its data set has a classifier."""
        return any(
            run.step == "prune"
            and run.parameters["n_quality"]
            and run.parameters["pruned_network"] == "generator"
            and has_classifier(run.parameters["dataset"])
            for run in self.runs.values()
        )

    @property
    def reports(self) -> list[Report]:
        """The notebooks of the report in their order, the page's last; none for a study that only trains."""
        values, page = {"results": self.results, "output": self.report}, f"{self.report}/README.md"
        steps = {run.step for run in self.runs.values()}
        if "prune" in steps:
            quality = Report("notebooks/04_quality.ipynb", values, f"{self.report}/tables/quality.csv")
            seen = Report("notebooks/report/what_you_see.ipynb", values, f"{self.report}/tables/what-you-see.csv")
            paper = Report("notebooks/report/paper.ipynb", {"study": self.name, **values}, page)
            return [quality, seen, paper] if self.measures_quality else [paper]
        if "compression" in steps:
            return [Report("notebooks/report/compression.ipynb", values, page)]
        if "equal_cost" in steps:
            return [Report("notebooks/report/unets.ipynb", values, page)]
        if "talking_equal_cost" in steps:
            return [Report("notebooks/report/talking_face.ipynb", values, page)]
        return []

    def in_browser(self, notebook: str) -> str:
        """Where an executed notebook of the report goes as HTML."""
        return f"{self.results}/{Path(notebook).stem}.html"

    def write_list(self) -> None:
        """Which runs belong to the study. Folders of runs that it no longer asks for stay, but out of its tables."""
        folders = [folder.removeprefix(f"{self.results}/") for folder in self.runs]
        write_atomic(Path(self.results, "runs.txt"), "\n".join(folders) + "\n")

    def publish_examples(self) -> None:
        """Copy the executed notebooks of the examples into the report, their pictures in fewer bytes."""
        from pictures import pack

        for folder in self.examples:
            published = Path(self.report, "notebooks", example_name(folder))
            pack(write_atomic(published, Path(folder, "notebook.ipynb").read_bytes()))


def example_name(folder: str) -> str:
    """The published name of a run's executed notebook: the notebook, its data set, seed and cell."""
    names = folder.split("/")[2:]  # data set, seed (but for a classifier), step, cell
    step = next(name for name in names if name in NOTEBOOKS)
    # Two steps run the same notebook: the second is that of a second classifier.
    names = [Path(NOTEBOOKS[step]).stem, *(name for name in names if name != step or step == "plain_classifier")]
    return "-".join(names) + ".ipynb"


def label(executed: Path) -> str:
    """A run's name on the screen: its folder; where several notebooks share one, as in a report, the notebook too."""
    return str(executed.parent if executed.name == "notebook.ipynb" else executed.with_suffix(""))


@functools.cache
def declared(step: str) -> dict:
    """The parameters that the notebook of `step` declares, with their defaults."""
    cells = json.loads((ROOT / NOTEBOOKS[step]).read_text("utf-8"))["cells"]
    [source] = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.AnnAssign)]
    return {node.target.id: ast.literal_eval(node.value) for node in nodes}


@functools.cache
def code_of(notebook: str) -> str:
    """The hash of all code of the package that the notebook imports, directly or through one another."""
    return provenance.code_sha256(*provenance.imports_of(ROOT / notebook))


def load(path) -> Study:
    """Read and check a study file; ParameterError names the file, the place in it and what is allowed there."""
    path = Path(path).expanduser().absolute()
    content = read_yaml(path)
    with _place(path):
        _check_schema(content)
        study = Study(content["study"], content.get("report", f"results/{content['study']}/report"))
        for step in (*EVERY_SEED, *FIRST_SEED):
            for dataset in content[step] if isinstance(content.get(step), list) else []:
                with _place(step):
                    parameters.check({"dataset": dataset})
        for file in content.get("classifiers", []):
            settings = _read_settings("classifier", file)
            step = "plain_classifier" if settings.get("architecture") == "plain" else "classifier"
            _add(study, f"{settings['dataset']}/{step}", step, settings)
        for i, pair in enumerate(content.get("pairs", [])):
            with _place(f"pairs[{i}]"):
                _add_pair(study, pair, content)
        retrain = dict(content.get("retrain", {}))
        for i, configuration in enumerate(retrain.pop("configurations", [])):
            with _place(f"retrain.configurations[{i}]"):
                for one in product(configuration):
                    _add_retraining(study, retrain | one)
        for i, unet in enumerate(content.get("unets", [])):
            with _place(f"unets[{i}]"):
                _add_unet(study, unet, content.get("unet_pruning"))
        for i, face in enumerate(content.get("talking_faces", [])):
            with _place(f"talking_faces[{i}]"):
                _add_talking_face(study, face, content.get("talking_face_pruning"))
        if "device" in content:
            for run in study.runs.values():
                if "device" in declared(run.step):
                    run.parameters.update(parameters.check({"device": content["device"]}))
        if not study.runs:
            raise ParameterError("asks for no run; needs pairs, classifiers, unets or talking_faces")
        study.examples = [f"{study.results}/{example}" for example in content.get("examples", [])]
        for example in study.examples:
            if example not in study.runs:
                raise ParameterError(f"examples: {example.removeprefix(f'{study.results}/')} is no run of this study")
    return study


def _check_schema(content: dict) -> None:
    import jsonschema

    validator = jsonschema.Draft202012Validator(read_yaml(SCHEMA))
    error = jsonschema.exceptions.best_match(validator.iter_errors(content))
    if error:
        raise ParameterError(f"{error.json_path.removeprefix('$.')}: {' '.join(error.message.split())}")


def product(configuration: dict) -> list[dict]:
    """One configuration for each combination of values, where an entry has a list of them."""
    values = [value if isinstance(value, list) else [value] for value in configuration.values()]
    return [dict(zip(configuration, combination, strict=True)) for combination in itertools.product(*values)]


def _add_pair(study: Study, pair: dict, content: dict) -> None:
    """All that the study asks for of the pairs of one data set, one pair a seed."""
    dataset, checkpoint = pair["dataset"], pair.get("checkpoint", "pretrained")
    parameters.check({"dataset": dataset})
    if {"train", "checkpoint"} <= pair.keys():
        raise ParameterError("has train and checkpoint; one of them")
    prune = {name: declared("prune")[name] for name in ("n_samples", "n_quality")} | content.get("prune", {})
    seeds = pair.get("seeds", [0])
    for seed in seeds:
        common, folder = {"dataset": dataset, "seed": seed}, f"{dataset}/seed{seed}"
        if "train" in pair:
            given = common | {name: pair[name] for name in ("image_folder", "precision") if name in pair}
            checkpoint = _add(study, f"{folder}/train", "train", _read_settings("train", pair["train"], given))
        sources = _sources_of(study, dataset, seed, checkpoint)
        for i, cell in enumerate(_cells_of(prune, dataset, seed)):
            with _place(f"prune.cells[{i}]"):
                _add_prunings(study, cell, common | {"checkpoint": checkpoint}, prune, sources)
        for step in (*EVERY_SEED, *FIRST_SEED):
            given = {"checkpoint": checkpoint} if "checkpoint" in declared(step) else {}
            if checkpoint != "pretrained" and not given:
                continue
            on = content.get(step, False)
            if (dataset in on if isinstance(on, list) else on) and (step in EVERY_SEED or seed == seeds[0]):
                settings = _check(step, common | given | {"threads": os.cpu_count() if step in ALONE else 1})
                _add(study, f"{folder}/{step}", step, settings, sources)


def _cells_of(prune: dict, dataset: str, seed: int) -> list[dict]:
    """The cells of a seed, and where quality is measured the dense generator: a percentage of 0, where curves start."""
    cells = [cell for cell in prune.get("cells", []) if seed in cell.get("seeds", [seed])]
    dense = any(
        cell["method"] == "percentage"
        and cell.get("scope", "default") in ("default", "global")
        and cell.get("pruned_network", "generator") == "generator"
        and 0 in cell["thresholds"]
        for cell in cells
    )
    if dense or not cells or not prune["n_quality"] or not has_classifier(dataset):
        return cells
    return [*cells, {"method": "percentage", "thresholds": [0]}]


def _add_prunings(study: Study, cell: dict, common: dict, prune: dict, sources: list[str]) -> None:
    for threshold in cell["thresholds"]:
        settings = {
            **common,
            "pruned_network": cell.get("pruned_network", "generator"),
            "method": cell["method"],
            "scope": cell.get("scope", "default"),
            "last_layer": cell.get("last_layer", "pruned"),
            "threshold": threshold,
            "n_samples": prune["n_samples"],
            "n_quality": prune["n_quality"],
            "threads": 1,  # cells run side by side, one core each
        }
        settings = _check("prune", settings)
        label = "{pruned_network}-{method}-{scope}-{threshold:g}".format(**settings)
        label += "-last-dense" * (settings["last_layer"] == "dense")
        _add(study, f"{settings['dataset']}/seed{settings['seed']}/prune/{label}", "prune", settings, sources)


def _add_retraining(study: Study, configuration: dict) -> None:
    """A configuration of the retraining, of the pair that the study trains, or else of the pretrained one. Its name
    says what differs; what is the same for several is trained once, in `states`."""
    settings = {"seed": 0, "threads": 1, **configuration}
    if isinstance(settings.get("target_compressions"), int | float):
        settings["target_compressions"] = f"{settings['target_compressions']:g}"
    settings = _check("retrain", settings)
    pair = f"{settings['dataset']}/seed{settings['seed']}"
    trained = f"{study.results}/{pair}/train"
    settings["checkpoint"] = trained if trained in study.runs else "pretrained"
    settings["states"] = f"{study.results}/{pair}/states"
    sources = _sources_of(study, settings["dataset"], settings["seed"], settings["checkpoint"])
    name = parameters.configuration_name(declared("retrain") | settings)
    _add(study, f"{pair}/retrain/{name}", "retrain", settings, sources)


def _add_unet(study: Study, unet: dict, pruning: dict | None) -> None:
    """A U-Net's training, in a folder that has the task's name or its own, and its pruning."""
    given = {"task": unet["task"], "seed": unet.get("seed", 0)}
    parameters.check(given)
    pair = f"{unet.get('name', unet['task'])}/seed{given['seed']}"
    classifier = _classifiers_of(pretrained_root() / (parameters.TASKS[unet["task"]] or unet["task"]))
    checkpoint = _add(study, f"{pair}/unet", "unet", _read_settings("unet", unet["train"], given), classifier)
    if pruning is None:
        return
    settings = given | {"checkpoint": checkpoint} | pruning | unet.get("pruning", {})
    with _place("unet_pruning"):
        parameters.check_names(settings, declared("layer_scan") | declared("equal_cost"))
        for step in ("layer_scan", "equal_cost"):
            known = {name: value for name, value in settings.items() if name in declared(step)}
            _add(study, f"{pair}/{step}", step, _check(step, known), [*classifier, f"{checkpoint}/manifest.json"])


def _add_talking_face(study: Study, face: dict, pruning: dict | None) -> None:
    """The networks that judge a talking face, its generator, and its pruning."""
    given = {"source": face["source"], "seed": face.get("seed", 0)}
    parameters.check(given)
    place = f"{given['source']}/seed{given['seed']}"
    judges = _add(study, f"{place}/lip_sync", "lip_sync", _read_settings("lip_sync", face["lip_sync"], given))
    settings = _read_settings("talking_face", face["train"], given) | {"judges": judges}
    sources = [f"{judges}/manifest.json"]
    checkpoint = _add(study, f"{place}/talking_face", "talking_face", settings, sources)
    if "smaller" in face:  # another network, trained alike, to compare a pruned one with
        settings = _read_settings("talking_face", face["smaller"], given) | {"judges": judges}
        _add(study, f"{checkpoint.removeprefix(f'{study.results}/')}/smaller", "talking_face", settings, sources)
    if pruning is None:
        return
    steps = ("talking_layer_scan", "talking_equal_cost")
    settings = given | {"checkpoint": checkpoint, "judges": judges} | pruning
    with _place("talking_face_pruning"):
        parameters.check_names(settings, declared(steps[0]) | declared(steps[1]))
        for step in steps:
            known = {name: value for name, value in settings.items() if name in declared(step)}
            _add(study, f"{place}/{step}", step, _check(step, known), [*sources, f"{checkpoint}/manifest.json"])


def _add(study: Study, place: str, step: str, settings: dict, sources=()) -> str:
    """Add a run whose `settings` are checked; its folder."""
    folder = f"{study.results}/{place}"
    if folder in study.runs:
        raise ParameterError(f"{folder}: asked for twice")
    study.runs[folder] = Run(step, settings | {"output": folder}, list(sources))
    return folder


def _read_settings(step: str, file: str, given: dict | None = None) -> dict:
    """The checked settings in a parameter file, with what is `given`; the data set or task must be the same in both."""
    path = resolve(file)
    settings, given = {"seed": 0, **read_yaml(path)}, given or {}
    with _place(path):
        for name in {"dataset", "task", "source"} & given.keys():
            if settings.get(name) != given[name]:
                raise ParameterError(f"{name} = {settings.get(name)!r}: the study trains {given[name]} with it")
        return _check(step, settings | given)


def _check(step: str, settings: dict) -> dict:
    """The checked `settings` of a run: known to its notebook, and allowed together with the notebook's defaults."""
    parameters.check_names(settings, declared(step))
    checked = parameters.check(declared(step) | settings)
    return {name: checked[name] for name in settings}


def _sources_of(study: Study, dataset: str, seed: int, checkpoint: str) -> list[str]:
    """The files that a run on this pair depends on; of one that the study itself trains, its manifest."""
    if checkpoint in study.runs:
        return [f"{checkpoint}/manifest.json", *_classifiers_of(pretrained_root() / dataset)]
    return _weights_of(dataset, seed, checkpoint)


def _weights_of(name: str, seed: int, checkpoint: str = "pretrained") -> list[str]:
    """The weights of a trained pair, and those of the classifier beside it: what a run has to be done again for."""
    folder = pretrained_root() / name / f"seed{seed}" if checkpoint == "pretrained" else resolve(checkpoint)
    if not (folder / "generator.safetensors").is_file():
        raise ParameterError(f"{name} seed {seed}: checkpoint {checkpoint} has no {folder / 'generator.safetensors'}")
    return sorted(_safetensors(folder) + _classifiers_of(folder.parent))


def _classifiers_of(folder: Path) -> list[str]:
    return _safetensors(folder / "classifier") + _safetensors(folder / "plain_classifier")


def _safetensors(folder: Path) -> list[str]:
    paths = sorted(folder.glob("*.safetensors"))
    return [str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path) for path in paths]


@contextmanager
def _place(name):
    """A ParameterError inside begins with `name`: a file, or a place in it."""
    try:
        yield
    except ParameterError as error:
        raise ParameterError(f"{name}: {error}") from None


class _Loader(yaml.SafeLoader):
    """Takes no key twice, where PyYAML would take the last."""

    def construct_mapping(self, node, deep=False):
        names = []
        for key, _ in node.value:
            if key.value in names:
                raise ParameterError(f"{key.value}: stands there twice, again in line {key.start_mark.line + 1}")
            names.append(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict:
    try:
        with _place(path):
            content = yaml.load(path.read_text("utf-8"), _Loader)
    except FileNotFoundError:
        raise ParameterError(f"{path}: no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: is no YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise ParameterError(f"{path}: needs entries like 'name: value'")
    return content
