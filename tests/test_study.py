"""The graph: study files, what a run depends on, and failures that are listed and lose nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganprune_utils.errors import ParameterError
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "workflow"))
import study as studies

SMALL = dict(dataset="digits", epochs=1, lr_generator=3e-4, lr_discriminator=1e-4, batch_size=256, ngf=4, ndf=4)


def write_study(tmp_path, name, **changes):
    import yaml

    (tmp_path / "train.yaml").write_text(yaml.safe_dump(SMALL))
    content = {
        "study": name,
        "pairs": [{"dataset": "digits", "train": str(tmp_path / "train.yaml")}],
        "prune": {
            "n_samples": 4,
            "cells": [
                {"method": "percentage", "thresholds": [50]},
                {"method": "sensitivity", "thresholds": [0.75]},
            ],
        },
    }
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(content | changes))
    return path


@pytest.mark.parametrize("path", sorted((ROOT / "params/studies").glob("*.yaml")), ids=lambda path: path.name)
def test_the_committed_studies_are_valid(path):
    study = studies.load(path)
    assert study.runs and study.name == path.stem
    assert len({run["parameters"]["output"] for run in study.runs.values()}) == len(study.runs)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"thresholds": [1]}, "Additional properties are not allowed .'thresholds' was unexpected"),
        ({"study": "../mine"}, "study: '../mine' does not match"),
        ({"report": "."}, "report: '.' does not match"),
        ({"pairs": None}, "pairs: None is not of type 'array'"),
        ({"pairs": [{"seeds": [0]}]}, r"pairs\[0\]: 'dataset' is a required property"),
        ({"pairs": [{"dataset": "mnist"}]}, r"pairs\[0\].dataset: 'mnist' is not one of \['digits'"),
        ({"pairs": [{"dataset": "digits", "seeds": 0}]}, r"pairs\[0\].seeds: 0 is not of type 'array'"),
        ({"pairs": [{"dataset": "digits", "seeds": [7]}]}, "pair digits seed 7: checkpoint shipped has no"),
        ({"pairs": [{"dataset": "digits", "train": "params/datasets/none.yaml"}]}, "none.yaml: no such file"),
        ({"pairs": [{"dataset": "cifar10", "train": "params/datasets/digits.yaml"}]}, "the pair is of cifar10"),
        ({"prune": {"cells": [{"method": "percentage", "thresholds": [100]}]}}, "threshold = 100"),
        ({"prune": {"cells": [{"method": "percentage", "thresholds": 50}]}}, "50 is not of type 'array'"),
        ({"prune": {"cells": [{"method": "percentage", "thresholds": [50.00001, 50.00002]}]}}, "asked for twice"),
        ({"prune": {"cells": [{"method": "percentage", "thresholds": [10], "treshold": 1}]}}, "treshold"),
        ({"examples": ["digits/seed0/prune/none"]}, "is no run of this study"),
    ],
)
def test_a_bad_study_is_one_clear_line(tmp_path, changes, message):
    with pytest.raises(ParameterError, match=message):
        studies.load(write_study(tmp_path, "bad", **changes))


def test_a_string_for_a_rate_is_noticed_in_yaml(tmp_path):
    path = write_study(tmp_path, "bad")
    (tmp_path / "train.yaml").write_text("dataset: digits\nlr_generator: 3e-4\n")
    with pytest.raises(ParameterError, match="lr_generator = '3e-4': is str"):
        studies.load(path)


def test_no_yaml_is_one_clear_line(tmp_path):
    (tmp_path / "study.yaml").write_text("a: [")
    with pytest.raises(ParameterError, match="is no YAML"):
        studies.load(tmp_path / "study.yaml")


def test_a_notebook_depends_on_the_modules_it_uses_and_on_no_others():
    prune, train = studies.modules_of("notebooks/02_prune.ipynb"), studies.modules_of("notebooks/01_train.ipynb")
    assert {"ganprune_utils/pruning/magnitude.py", "ganprune_utils/metrics/similarity.py"} <= set(prune)
    assert "ganprune_utils/training/dcgan.py" in train and "ganprune_utils/training/dcgan.py" not in prune
    assert "ganprune_utils/pruning/magnitude.py" not in train
    assert "ganprune_utils/study.mplstyle" in train


def snakemake(path, *options):
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--profile",
        "profiles/default",
        "--config",
        f"study={path}",
        *options,
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=900)


@pytest.fixture
def results(request):
    """A study's results folder inside the checkout, removed afterwards."""
    import shutil

    folder = ROOT / "results" / "test-study"
    shutil.rmtree(folder, ignore_errors=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_study_runs_resumes_and_lists_its_failures(tmp_path, results):
    """One run from end to end: trained, pruned, reported; then nothing to do; then one new cell; then a failure."""
    path = write_study(tmp_path, "test-study")
    first = snakemake(path)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "epoch 1/1" in first.stdout and "100%" in first.stdout + first.stderr
    assert "Table II, digits" in (results / "report" / "README.md").read_text()
    run = results / "digits/seed0/prune/generator-percentage-global-50"
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["parameters"]["threshold"] == 50.0 and len(manifest["data_sha256"]) == 64
    assert (run / "notebook.ipynb").is_file()

    assert "Nothing to be done" in (again := snakemake(path)).stdout + again.stderr

    # The shipped CIFAR-sized checkpoint does not exist: one cell fails, the other new one still runs.
    both = {"n_samples": 4, "cells": [{"method": "percentage", "thresholds": [50, 60]}]}
    write_study(tmp_path, "test-study", prune=both)
    (results / "digits/seed0/train/generator.safetensors").write_bytes(b"truncated")
    broken = snakemake(path)
    output = broken.stdout + broken.stderr
    assert broken.returncode != 0
    assert "1 failed" in output and "generator-percentage-global-60: CheckpointError: " in output
    assert (results / "digits/seed0/prune/generator-percentage-global-60/notebook.ipynb").is_file()
    assert (run / "manifest.json").is_file()


def test_where_quality_is_measured_the_dense_generator_is_a_cell(tmp_path):
    pairs = [{"dataset": "fashion_mnist", "checkpoint": "shipped"}]
    folder = "results/x/fashion_mnist/seed0/prune/generator-percentage-global-0"
    study = studies.load(write_study(tmp_path, "x", pairs=pairs))
    assert folder in study.runs and study.measures_quality
    sources = study.runs[folder]["source"]
    names = ["classifier.safetensors", "discriminator.safetensors", "generator.safetensors", "real.safetensors"]
    assert sorted(Path(source).name for source in sources) == names
    likeness_only = {"n_quality": 0, "cells": [{"method": "percentage", "thresholds": [50]}]}
    study = studies.load(write_study(tmp_path, "x", pairs=pairs, prune=likeness_only))
    assert folder not in study.runs and not study.measures_quality


def test_cells_can_be_for_some_seeds_only(tmp_path):
    cells = [{"method": "percentage", "thresholds": [50]}, {"method": "percentage", "thresholds": [60], "seeds": [0]}]
    pairs = [{"dataset": "digits", "seeds": [0, 1], "train": str(tmp_path / "train.yaml")}]
    study = studies.load(write_study(tmp_path, "x", pairs=pairs, prune={"cells": cells}))
    found = {name.split("results/x/digits/")[1] for name in study.runs if "prune" in name}
    assert found == {f"seed{s}/prune/generator-percentage-global-{q}" for s, q in ((0, 50), (0, 60), (1, 50))}


def test_arms_of_a_retraining_share_what_is_the_same_for_all(tmp_path):
    arms = [
        {"dataset": "fashion_mnist", "arm": "dense"},
        {"dataset": "fashion_mnist", "arm": "iterative", "kind": "filters", "compressions": 8, "rewind": True},
        {"dataset": "fashion_mnist", "arm": "one_shot", "compressions": "2 8", "discriminator_rate": 0.25},
    ]
    pairs = [{"dataset": "fashion_mnist", "seeds": [0, 1]}]

    def load(**retrain):
        content = {"study": "arms", "pairs": pairs, "compression": True, "cost": True, "retrain": retrain}
        (tmp_path / "arms.yaml").write_text(json.dumps(content))
        return studies.load(tmp_path / "arms.yaml")

    study = load(rounds=16, steps=5, arms=arms)
    base = "results/arms/fashion_mnist/seed0"
    assert [run.removeprefix(f"{base}/") for run in study.runs if "seed0" in run] == [
        "compression",
        "cost",
        "retrain/dense",
        "retrain/iterative-filters-magnitude-generator-8-rewind",
        "retrain/one_shot-masks-magnitude-generator-2x8-d0.25",
    ]
    assert [run for run in study.runs if "seed1" in run] == ["results/arms/fashion_mnist/seed1/compression"]
    found = [run["parameters"] for run in study.runs.values() if run["step"] == "retrain"]
    assert {(p["rounds"], p["steps"], p["states"]) for p in found} == {(16, 5, f"{base}/states")}
    assert found[1]["compressions"] == "8" and study.compares and not study.prunes
    assert studies.example_name(f"{base}/retrain/dense") == "07_retrain-fashion_mnist-seed0-dense.ipynb"
    for wrong, message in (({"arm": "late"}, "arm = 'late': must be one of one_shot"), ({"steps": 3}, "'steps' was")):
        with pytest.raises(ParameterError, match=message):
            load(arms=[{"dataset": "fashion_mnist", "arm": "dense", **wrong}])


def test_unets_are_trained_before_they_are_cut(tmp_path):
    def load(**content):
        (tmp_path / "unets.yaml").write_text(json.dumps({"study": "u", **content}))
        return studies.load(tmp_path / "unets.yaml")

    edges = {"task": "edges", "train": "params/unets/edges.yaml", "narrow": ["params/unets/edges_narrow.yaml"]}
    study = load(unets=[edges], inner={"steps": 3})
    base = "results/u/edges/seed0"
    assert list(study.runs) == [f"{base}/unet", f"{base}/narrow", f"{base}/inner"]
    cut = study.runs[f"{base}/inner"]
    assert cut["source"] == [f"{base}/unet/manifest.json", f"{base}/narrow/manifest.json"]
    assert (cut["parameters"]["checkpoint"], cut["parameters"]["steps"]) == (f"{base}/unet", 3)
    assert [studies.example_name(run) for run in study.runs] == [
        "08_train_unet-edges-seed0.ipynb",
        "08_train_unet-edges-seed0-narrow.ipynb",
        "08_unet_inner_layers-edges-seed0.ipynb",
    ]
    both = load(unets=[edges | {"narrow": ["shipped", *edges["narrow"]]}], inner={})
    assert list(both.runs) == list(study.runs)
    cut = both.runs[f"{base}/inner"]
    assert cut["parameters"]["narrow"] == f"shipped {base}/narrow"
    assert any(path.endswith("checkpoints/edges/seed0/generator.safetensors") for path in cut["source"])
    with pytest.raises(ParameterError, match="edges.yaml: is of task edges, the U-Net of colour"):
        load(unets=[edges | {"task": "colour"}])
    with pytest.raises(ParameterError, match="steps = 0: must be a whole number"):
        load(unets=[edges], inner={"steps": 0})
    with pytest.raises(ParameterError, match="asks for no run; needs pairs, classifiers or unets"):
        load()


def test_published_names_of_executed_notebooks():
    names = {
        "results/x/cifar10/classifier": "00_classifier-cifar10.ipynb",
        "results/x/cifar10/seed1/sensitivity": "04_layer_sensitivity-cifar10-seed1.ipynb",
        "results/x/cifar10/seed1/prune/a-b": "02_prune-cifar10-seed1-a-b.ipynb",
    }
    assert {folder: studies.example_name(folder) for folder in names} == names


def test_weights_ship_in_half_precision_and_load_in_full(tmp_path):
    import ship
    import torch

    from ganprune_utils import checkpoints
    from ganprune_utils.models import UNet

    unet = UNet(1, 3, ngf=16)
    checkpoints.save_weights(unet, tmp_path / "run" / "generator.safetensors", {"seed": 7})
    (tmp_path / "target").mkdir()
    ship.halve(tmp_path / "run", tmp_path / "target", "generator")
    full, half = (tmp_path / name / "generator.safetensors" for name in ("run", "target"))
    assert half.stat().st_size < 0.52 * full.stat().st_size
    card = checkpoints.read_card(half)
    assert card["seed"] == 7 and card["stored_as"] == "float16"
    back = checkpoints.load_part(tmp_path / "target", "generator")
    assert all(p.dtype == torch.float32 for p in back.parameters())
    assert torch.equal(back.down.down3.conv.weight, unet.down.down3.conv.weight.half().float())


def test_a_step_can_be_asked_for_on_some_data_sets(tmp_path):
    pairs = [{"dataset": "fashion_mnist", "seeds": [0, 1]}, {"dataset": "cifar10", "seeds": [0, 1]}]

    def load(**steps):
        (tmp_path / "some.yaml").write_text(json.dumps({"study": "s", "pairs": pairs, **steps}))
        return [run.removeprefix("results/s/") for run in studies.load(tmp_path / "some.yaml").runs]

    found = load(structured=["cifar10"], compression=["fashion_mnist"], cost=True)
    assert found == [
        "fashion_mnist/seed0/compression",
        "fashion_mnist/seed0/cost",
        "fashion_mnist/seed1/compression",
        "cifar10/seed0/structured",
        "cifar10/seed0/cost",
    ]
    with pytest.raises(ParameterError, match="structured"):
        load(structured=["mars"])
