"""Parameters of notebooks: which values each name may have, in every notebook alike, and one clear line else."""

import ast
import itertools
import math
import numbers
import re
from dataclasses import dataclass

from ganprune_utils.errors import ParameterError

DATASETS = ("digits", "fashion_mnist", "cifar10", "image_folder")
# Image-to-image tasks, each with the data set whose images are the targets.
TASKS = {"edges": "fashion_mnist", "colour": "cifar10", "edges_digits": "digits"}
TASKS |= dict.fromkeys(("faces", "paired_folder"))
SOURCES = ("drawn", "grid", "folder")  # of talking faces
DIRECTIONS = ("AtoB", "BtoA")  # of pairs in a folder: which half of a picture is the input
ARCHITECTURES = ("residual", "plain")  # of classifiers
NETWORKS = ("generator", "discriminator")
METHODS = {"percentage": ("global", "layer"), "sensitivity": ("layer", "matched"), "random": ("uniform", "shuffled")}
LAST_LAYER = ("pruned", "dense")  # whether a method takes weights from the last layer too
CRITERIA = {  # by which weights are masked, or filters removed, to a target compression
    "unstructured": ("magnitude", "activation", "wanda", "random"),
    "structured": ("magnitude", "activation", "bn_scale", "taylor", "taylor_adversarial", "random"),
}
GRANULARITIES = tuple(CRITERIA)  # single weights are masked, or whole filters removed
ALLOCATIONS = ("own", "last_dense", "as_filters")  # how masks at a target compression are shared out to layers
SCHEDULES = ("one_shot", "iterative", "dense", "scratch")
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class Rule:
    """`type` of the value, a `test` that it must pass, and the words for what is `allowed`."""

    type: type
    allowed: str
    test: object = None


def _one_of(*choices: str) -> Rule:
    return Rule(str, "one of " + ", ".join(choices), lambda value: value in choices)


def _whole(minimum: int, maximum: int) -> Rule:
    return Rule(int, f"a whole number from {minimum} to {maximum}", lambda value: minimum <= value <= maximum)


def _has_device(name: str) -> bool:
    if name in ("cuda", "mps"):
        import torch

        return torch.cuda.is_available() if name == "cuda" else torch.backends.mps.is_available()
    return name in ("auto", "cpu")


def _list(allowed: str, test, fewest: int = 1) -> Rule:
    """A list of at least `fewest` numbers as text, because papermill's -p takes no lists."""

    def fits(text: str) -> bool:
        try:
            found = [float(part) for part in text.split()]
        except ValueError:
            return False
        return len(set(found)) == len(found) >= fewest and all(map(test, found))

    return Rule(str, f"different numbers with blanks between them, as in '50 90': {allowed}", fits)


@dataclass(frozen=True)
class Length:
    """How long networks are trained on after pruning: so many `steps` or `epochs`, in `runs` with different seeds, at
    the costs of the shares `left`, or at all where it is empty."""

    count: int
    unit: str
    runs: int
    left: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """ "40 steps", "1 epoch"."""
        return f"{self.count} {self.unit}{'s' * (self.count > 1)}"

    def steps(self, n_pairs: int, batch_size: int) -> int:
        return self.count if self.unit == "step" else -(-self.count * n_pairs // batch_size)


def fine_tunings(text: str) -> list[Length]:
    """The fine-tunings of "40 steps, 3 runs; 4 epochs, 1 run, at 0.7".

    Raises ValueError where it is no such text, or names one twice.
    """
    read = []
    for part in text.split(";"):
        match = re.fullmatch(r"\s*([1-9]\d*) (step|epoch)s?, ([1-9]\d?) runs?(?:, at ([\d. ]+))?\s*", part)
        if not match:
            raise ValueError(f"{part.strip()!r} is no fine-tuning")
        count, unit, runs, left = match.groups()
        read.append(Length(int(count), unit, int(runs), tuple(map(float, (left or "").split()))))
    if len({one.label for one in read}) < len(read):
        raise ValueError("one fine-tuning twice")
    return read


def _are_fine_tunings(text: str) -> bool:
    try:
        return bool(fine_tunings(text))
    except ValueError:
        return False


def _are_widths(text: str) -> bool:
    return 1 <= len(text.split()) <= 6 and all(n.isdecimal() and 1 <= int(n) <= 4096 for n in text.split())


_RATE = Rule(float, "a number in (0, 1); in YAML write 2.0e-4, because 2e-4 is a string there", lambda v: 0 < v < 1)
_SWITCH = Rule(bool, "True or False")
_BELOW_ONE = Rule(float, "a number in [0, 1)", lambda v: 0 <= v < 1)
_PERCENT = _list("percent in (0, 100)", lambda value: 0 < value < 100)
_SHARES = _list("shares in (0, 1), or nothing", lambda value: 0 < value < 1, fewest=0)

RULES = {
    "dataset": _one_of(*DATASETS),
    "seed": _whole(0, MAX_SEED),
    "epochs": _whole(1, 100_000),
    "decay_epochs": _whole(0, 100_000),
    "augment": _SWITCH,
    "batch_size": _whole(2, 100_000),
    "latent_dim": _whole(1, 4096),
    "ngf": _whole(1, 4096),
    "ndf": _whole(1, 4096),
    "lr_generator": _RATE,
    "lr_discriminator": _RATE,
    "lr": _RATE,
    "task": _one_of(*TASKS),
    "direction": _one_of(*DIRECTIONS),
    "depth": _whole(2, 12),
    "lambda_l1": Rule(float, "a number of 0 or more", lambda value: 0 <= value < math.inf),
    "weight_decay": _BELOW_ONE,
    "architecture": _one_of(*ARCHITECTURES),
    "widths": Rule(str, "1 to 6 whole numbers of channels, as in '16 32 64'", _are_widths),
    "beta1": _BELOW_ONE,
    "beta2": _BELOW_ONE,
    "precision": _one_of("float32", "bfloat16"),
    "device": Rule(str, "auto, cpu, or cuda or mps where this machine has it", _has_device),
    "seconds": Rule(float, "a number of seconds in (0, 600]", lambda value: 0 < value <= 600),
    "threads": _whole(1, 1024),
    "pruned_network": _one_of(*NETWORKS, "both"),
    "method": _one_of(*METHODS),
    "scope": _one_of("default", "global", "layer", "matched", "uniform", "shuffled"),
    "last_layer": _one_of(*LAST_LAYER),
    "threshold": Rule(float, "a number", math.isfinite),
    "percents": _PERCENT,
    "s_values": _list("standard deviations > 0", lambda value: value > 0),
    "overall": _PERCENT,
    "ratios": _list("shares in (0, 1)", lambda value: 0 < value < 1),
    "schedule": _one_of(*SCHEDULES),
    "granularity": _one_of(*GRANULARITIES),
    "criterion": _one_of(*dict.fromkeys(itertools.chain(*CRITERIA.values()))),
    "rewind": _SWITCH,
    "distillation": Rule(float, "a weight of 0 or more", lambda value: 0 <= value < math.inf),
    "target_compressions": _list("ratios of dense to remaining parameters, 1 or more", lambda value: value >= 1),
    "discriminator_rate": Rule(float, "a factor in (0, 10]", lambda value: 0 < value <= 10),
    "draws": _whole(1, 100),
    "source": _one_of(*SOURCES),
    "face": _whole(1, 256),
    "audio": _whole(1, 256),
    "decoder": _whole(1, 256),
    "residual": _SWITCH,
    "lambda_sync": _BELOW_ONE,
    "lambda_adversarial": _BELOW_ONE,
    "sync_after": _whole(0, 100_000),
    "landmark_epochs": _whole(1, 1000),
    "published_loss": _SWITCH,
    "n_clips": _whole(1, 10**6),
    "n_pairs": _whole(0, 10**9),
    "n_test": Rule(int, "0, or a whole number from 20", lambda value: value == 0 or value >= 20),
    "inner_levels": _whole(1, 12),
    "macs_left": _SHARES,
    "parameters_left": _SHARES,
    "n_seeds": _whole(1, 100),
    "margin": Rule(float, "a share in (0, 1)", lambda value: 0 < value < 1),
    "fine_tuning": Rule(str, "as in '40 steps, 3 runs; 4 epochs, 1 run, at 0.7'", _are_fine_tunings),
    "worker": _whole(0, 63),
    "workers": _whole(1, 64),
    "rounds": _whole(1, 1000),
    "steps": _whole(1, 10**6),
    "scratch_steps": _whole(0, 10**7),
    "n_round": _whole(10, 10**6),
    "n_samples": _whole(2, 1_000_000),
    "n_quality": Rule(int, "0, or a whole number from 10 to 1000000", lambda value: value == 0 or 10 <= value <= 10**6),
    "noise_seed": _whole(0, MAX_SEED),
}
TEXTS = "image_folder paired_folder clips_folder checkpoint judges states output study results"
RULES |= dict.fromkeys(TEXTS.split(), Rule(str, "text"))


def from_notebook(namespace: dict) -> dict:
    """The checked parameters of the running notebook: call as `from_notebook(globals())` after the parameters cell.

    The declared names are the annotated ones of the executed cells. Names that papermill injected (its cell begins
    with "# Parameters") and that are not declared are errors: papermill itself only warns.
    """
    declared, injected = dict(namespace.get("__annotations__", {})), set()  # a dictionary keeps the order
    for source in namespace.get("In", []):
        try:
            body = ast.parse(source).body
        except SyntaxError:  # a cell with IPython magic declares nothing
            continue
        declared |= {node.target.id: None for node in body if isinstance(node, ast.AnnAssign)}
        if source.lstrip().startswith("# Parameters"):
            injected |= {target.id for node in body if isinstance(node, ast.Assign) for target in node.targets}
    injected -= {"PAPERMILL_INPUT_PATH", "PAPERMILL_OUTPUT_PATH"}  # by --inject-paths
    if not declared:
        raise ParameterError("parameters: none found; run the parameters cell, with its annotations, before this one")
    check_names(injected, declared)
    return check({name: namespace[name] for name in declared if name in RULES})


def check_names(given, declared) -> None:
    """Raise ParameterError for the first name in `given` that is not in `declared`."""
    for name in sorted(set(given) - set(declared)):
        raise ParameterError(f"{name}: no such parameter; this notebook has {', '.join(declared)}")


def check(values: dict) -> dict:
    """`values`, whole numbers made floats where a float belongs; ParameterError for the first that is not allowed."""
    checked = {name: _checked(name, value) for name, value in values.items()}
    if {"method", "scope", "threshold"} <= checked.keys():
        checked["scope"] = check_method(checked["method"], checked["scope"], checked["threshold"])
    if {"granularity", "criterion"} <= checked.keys():
        check_criterion(checked["granularity"], checked["criterion"])
    if checked.get("distillation") and checked.get("schedule") in ("dense", "scratch"):
        raise ParameterError(f"distillation = {checked['distillation']:g}: only what is pruned is distilled")
    if {"overall", "percents"} <= checked.keys():
        overall, reach = (max(map(float, checked[name].split())) for name in ("overall", "percents"))
        if overall > reach:
            raise ParameterError(f"overall = {overall:g}: must not be above the highest of percents, {reach:g}")
    if {"fine_tuning", "macs_left", "parameters_left"} <= checked.keys():
        left = {float(share) for name in ("macs_left", "parameters_left") for share in checked[name].split()}
        if not left:
            raise ParameterError("macs_left, parameters_left: both empty; a share is needed in one of them")
        for missing in {share for one in fine_tunings(checked["fine_tuning"]) for share in one.left} - left:
            raise ParameterError(f"fine_tuning: at {missing:g}, which is in neither macs_left nor parameters_left")
    if checked.get("decay_epochs", 0) > checked.get("epochs", math.inf):
        raise ParameterError(f"decay_epochs = {checked['decay_epochs']}: of only {checked['epochs']} epochs")
    folder, name = checked.get("image_folder"), checked.get("dataset")
    if folder is not None and bool(folder) != (name == "image_folder"):
        raise ParameterError(f"image_folder = {folder!r}: dataset image_folder needs one, {name} takes none")
    return checked


def _checked(name: str, value):
    if name not in RULES:
        raise ParameterError(f"{name} = {value!r}: no such parameter; known are {', '.join(sorted(RULES))}")
    rule = RULES[name]
    if rule.type is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        value = float(value)
    if type(value) is not rule.type:
        line = f"{name} = {value!r}: is {type(value).__name__}, needs {rule.allowed}"
        if rule.type is str:
            line += f": for papermill -r {name} {value} in place of -p, in YAML quotes around it"
        raise ParameterError(line)
    if rule.test is not None and not rule.test(value):
        raise ParameterError(f"{name} = {value!r}: must be {rule.allowed}")
    return value


def check_method(method: str, scope: str, threshold: float) -> str:
    """The scope in force ("default" is the method's first), once method, scope and threshold are known to fit."""
    if not isinstance(method, str) or method not in METHODS:
        raise ParameterError(f"method = {method!r}: must be one of {', '.join(METHODS)}")
    scope = METHODS[method][0] if scope == "default" else scope
    if scope not in METHODS[method]:
        raise ParameterError(f"scope = {scope!r}: method {method} has {', '.join(METHODS[method])}")
    check_real("threshold", threshold, "a number")
    if (method, scope) == ("sensitivity", "layer"):
        if not threshold > 0:
            raise ParameterError(f"threshold = {threshold:g}: sensitivity needs s > 0 standard deviations")
    elif not 0 <= threshold < 100:
        raise ParameterError(f"threshold = {threshold:g}: {method} needs a percent in [0, 100)")
    return scope


def configuration_name(settings: dict) -> str:
    """The name of a retraining with these parameters of notebook 8, all of them: two with one name are the same."""
    schedule, rate, weight = (settings[name] for name in ("schedule", "discriminator_rate", "distillation"))
    compressions = settings["target_compressions"].replace(" ", "x")
    names = [settings[name] for name in ("granularity", "criterion", "pruned_network")]
    names = {"dense": [], "scratch": [compressions]}.get(schedule, [*names, compressions])
    more = ["rewind"] * settings["rewind"] + [f"d{rate:g}"] * (rate != 1) + [f"distilled{weight:g}"] * (weight > 0)
    return "-".join([schedule, *names, *more, f"{settings['rounds'] * settings['steps']}"])


def check_criterion(granularity: str, criterion: str) -> None:
    if granularity not in CRITERIA:
        raise ParameterError(f"granularity = {granularity!r}: must be one of {', '.join(CRITERIA)}")
    if criterion not in CRITERIA[granularity]:
        allowed = ", ".join(CRITERIA[granularity])
        raise ParameterError(f"criterion = {criterion!r}: {granularity} pruning has {allowed}")


def check_real(name: str, value, allowed: str, test=math.isfinite) -> None:
    """ParameterError unless `value` is a finite real number (numpy's scalars too, no bool) that passes `test`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value) or not test(value):
        raise ParameterError(f"{name} = {value!r}: must be {allowed}")


def check_seed(seed) -> None:
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or not 0 <= seed <= MAX_SEED:
        raise ParameterError(f"seed = {seed!r}: must be a whole number from 0 to {MAX_SEED}")
