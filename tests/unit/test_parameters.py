"""The table of bad inputs: each is one line that names the parameter, the value and what is allowed."""

import pytest
import yaml

from ganprune_utils import parameters
from ganprune_utils.errors import ParameterError
from tests.conftest import ROOT

PRUNE = {"method": "percentage", "scope": "global", "threshold": 50.0}
TUNED = {"fine_tuning": "40 steps, 3 runs; 4 epochs, 1 run, at 0.7", "parameters_left": ""}
BAD = [
    ({"percents": "50 50"}, "percents = '50 50': must be different numbers with blanks"),
    ({"percents": "50, 90"}, "percents = '50, 90': must be different numbers"),
    ({"s_values": "0"}, "s_values = '0': .* > 0"),
    ({"percents": "50 90", "overall": "95"}, "overall = 95: must not be above the highest of percents, 90"),
    ({"widths": "16 0"}, "widths = '16 0': must be 1 to 6 whole numbers"),
    ({"n_quality": 5}, "n_quality = 5: must be 0, or a whole number from 10"),
    ({"method": "sensitivity", "scope": "matched", "threshold": 100.0}, "sensitivity needs a percent"),
    (PRUNE | {"threshold": 100.0}, r"threshold = 100: percentage needs a percent in \[0, 100\)"),
    (PRUNE | {"threshold": -1}, r"threshold = -1: percentage needs a percent"),
    (PRUNE | {"threshold": float("nan")}, "threshold = nan: must be a number"),
    (PRUNE | {"threshold": "50"}, "threshold = '50': is str"),
    ({"method": "sensitivity", "scope": "layer", "threshold": 0}, "threshold = 0: sensitivity needs s > 0"),
    (PRUNE | {"method": "magnitude"}, "method = 'magnitude': must be one of percentage, sensitivity, random"),
    (PRUNE | {"scope": "network"}, "scope = 'network': must be one of"),
    (PRUNE | {"scope": "shuffled"}, "scope = 'shuffled': method percentage has global, layer"),
    ({"dataset": "mnist"}, "dataset = 'mnist': must be one of digits, fashion_mnist, cifar10, image_folder"),
    ({"lr_generator": "2e-4"}, "lr_generator = '2e-4': is str, needs a number in .* write 2.0e-4"),
    ({"lr_generator": 0.0}, "lr_generator = 0.0: must be a number in"),
    ({"epochs": 0}, "epochs = 0: must be a whole number from 1 to"),
    ({"epochs": 5, "decay_epochs": 6}, "decay_epochs = 6: of only 5 epochs"),
    ({"fine_tuning": "40 steps"}, "fine_tuning = '40 steps': must be as in '40 steps, 3 runs; 4 epochs, 1 run"),
    ({"fine_tuning": "1 epoch, 3 runs; 1 epoch, 1 run"}, "fine_tuning = '1 epoch, 3 runs; 1 epoch, 1 run': must be"),
    ({"fine_tuning": "0 epochs, 3 runs"}, "fine_tuning = '0 epochs, 3 runs': must be"),
    (TUNED | {"macs_left": ""}, "macs_left, parameters_left: both empty"),
    (TUNED | {"macs_left": "0.5 0.71"}, "fine_tuning: at 0.7, which is in neither macs_left nor parameters_left"),
    ({"epochs": 1.5}, "epochs = 1.5: is float"),
    (
        {"dataset": "image_folder", "image_folder": 2024},
        "^image_folder = 2024: is int, needs text: for papermill -r image_folder 2024 in place of -p, in YAML quotes",
    ),
    ({"ratios": 0.5}, "ratios = 0.5: is float, needs different numbers .*: for papermill -r ratios 0.5 in place of -p"),
    ({"epochs": True}, "epochs = True: is bool"),
    ({"n_samples": 0}, "n_samples = 0: must be a whole number from 2 to"),
    ({"inner_levels": 0}, "inner_levels = 0: must be a whole number from 1"),
    ({"macs_left": "0.5 1.5"}, "macs_left = '0.5 1.5': must be different numbers .* or nothing"),
    ({"pruned_network": "encoder"}, "pruned_network = 'encoder': must be one of generator, discriminator, both"),
    ({"precision": "float16"}, "precision = 'float16'"),
    ({"seed": 10**23}, "seed = 1000.*: must be a whole number from 0 to"),
    (PRUNE | {"threshold": 10**400}, "threshold = 1000.*: is int"),
    (
        {"dataset": "digits", "image_folder": "x"},
        "image_folder = 'x': dataset image_folder needs one, digits takes none",
    ),
    (
        {"granularity": "unstructured", "criterion": "taylor"},
        "criterion = 'taylor': unstructured pruning has magnitude",
    ),
    ({"criterion": "l2"}, "criterion = 'l2': must be one of magnitude, activation, wanda, random, bn_scale, taylor"),
    ({"distillation": -1}, "distillation = -1.0: must be a weight of 0 or more"),
    ({"schedule": "scratch", "distillation": 1}, "distillation = 1: only what is pruned is distilled"),
    ({"learning_rate": 0.1}, "learning_rate = 0.1: no such parameter; known are"),
]


@pytest.mark.parametrize("values, message", BAD, ids=[message[:40] for _, message in BAD])
def test_bad_values_are_one_clear_line(values, message):
    with pytest.raises(ParameterError, match=message) as error:
        parameters.check(values)
    assert "\n" not in str(error.value)


def test_good_values_come_back_with_the_scope_in_force():
    assert parameters.check(PRUNE | {"scope": "default"}) == PRUNE
    assert parameters.check({"method": "random", "scope": "default", "threshold": 5})["scope"] == "uniform"
    assert parameters.check({"macs_left": ""}) == {"macs_left": ""}


def test_a_fine_tuning_has_a_length_runs_and_costs():
    assert parameters.check(TUNED | {"macs_left": "0.85 0.70"})["fine_tuning"] == TUNED["fine_tuning"]
    steps, epochs = parameters.fine_tunings(TUNED["fine_tuning"])
    assert (steps.label, steps.runs, steps.left, steps.steps(1000, 64)) == ("40 steps", 3, (), 40)
    assert (epochs.label, epochs.runs, epochs.left, epochs.steps(1000, 64)) == ("4 epochs", 1, (0.7,), 63)
    assert parameters.fine_tunings("1 epoch, 1 run")[0].label == "1 epoch"


def notebook(parameters_cell, injected, **values):
    return {"In": ["", parameters_cell, f"# Parameters\n{injected}", "%matplotlib inline"], **values}


def test_an_injected_name_that_was_not_declared_is_an_error():
    declared = "epochs: int = 3  # passes\nseed: int = 0"
    assert parameters.from_notebook(notebook(declared, "epochs = 5", epochs=5, seed=0)) == {"epochs": 5, "seed": 0}
    with pytest.raises(ParameterError, match="epoch: no such parameter; this notebook has epochs, seed"):
        parameters.from_notebook(notebook(declared, "epoch = 5", epochs=3, seed=0, epoch=5))


def test_the_paths_that_papermill_injects_are_no_parameters():
    injected = "PAPERMILL_INPUT_PATH = 'a.ipynb'\nPAPERMILL_OUTPUT_PATH = 'b.ipynb'\nepochs = 5"
    assert parameters.from_notebook(notebook("epochs: int = 3", injected, epochs=5)) == {"epochs": 5}


def test_parameters_are_found_without_a_history_of_cells_too():
    """nbval runs cells without keeping their source; the annotations are still there."""
    namespace = {"In": [""], "__annotations__": {"epochs": int}, "epochs": 0}
    with pytest.raises(ParameterError, match="epochs = 0"):
        parameters.from_notebook(namespace)
    with pytest.raises(ParameterError, match="none found; run the parameters cell"):
        parameters.from_notebook({"In": [""]})


def test_errors_render_as_one_line_in_a_notebook():
    assert ParameterError("x = 1: no")._render_traceback_() == ["ParameterError: x = 1: no"]


@pytest.mark.parametrize("path", sorted((ROOT / "params").glob("[dp]*/*.yaml")), ids=lambda path: path.name)
def test_every_parameter_file_is_valid(path):
    assert parameters.check({"scope": "default"} | yaml.safe_load(path.read_text()))
