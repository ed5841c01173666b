"""The graph: study files, what a run depends on, and failures that are listed and lose nothing."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from PIL import Image

from ganprune_utils.errors import ParameterError
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "workflow"))
import progress
import study as studies

SMALL = dict(dataset="digits", epochs=1, lr_generator=3e-4, lr_discriminator=1e-4, batch_size=256, ngf=4, ndf=4)


def write_study(tmp_path, name, **changes):
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
    assert len({run.parameters["output"] for run in study.runs.values()}) == len(study.runs)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"thresholds": [1]}, "Additional properties are not allowed .'thresholds' was unexpected"),
        ({"study": "../mine"}, "study: '../mine' does not match"),
        ({"report": "."}, "report: '.' does not match"),
        ({"pairs": None}, "pairs: None is not of type 'array'"),
        ({"pairs": [{"seeds": [0]}]}, r"pairs\[0\]: 'dataset' is a required property"),
        ({"pairs": [{"dataset": "mnist"}]}, r"study.yaml: pairs\[0\]: dataset = 'mnist': must be one of digits, "),
        ({"pairs": [{"dataset": "digits", "seeds": 0}]}, r"pairs\[0\].seeds: 0 is not of type 'array'"),
        ({"pairs": [{"dataset": "digits", "seeds": [7]}]}, r"pairs\[0\]: digits seed 7: checkpoint pretrained has no"),
        ({"pairs": [{"dataset": "digits", "train": "params/datasets/none.yaml"}]}, "none.yaml: no such file"),
        (
            {"pairs": [{"dataset": "cifar10", "train": "params/datasets/digits.yaml"}]},
            "digits.yaml: dataset = 'digits': the study trains cifar10 with it",
        ),
        ({"prune": {"cells": [{"method": "percentage", "thresholds": [100]}]}}, r"prune.cells\[0\]: threshold = 100"),
        (
            {"prune": {"cells": [{"method": "l1", "thresholds": [1]}]}},
            r"cells\[0\]: method = 'l1': must be one of perc",
        ),
        (
            {"prune": {"n_samples": 2.5, "cells": [{"method": "random", "thresholds": [1]}]}},
            "n_samples = 2.5: is float",
        ),
        ({"prune": {"cells": [{"method": "percentage", "thresholds": 50}]}}, "50 is not of type 'array'"),
        ({"prune": {"cells": [{"method": "percentage", "thresholds": [50.00001, 50.00002]}]}}, "asked for twice"),
        ({"prune": {"cells": [{"method": "percentage", "thresholds": [10], "treshold": 1}]}}, "treshold"),
        ({"structured": ["mars"]}, "structured: dataset = 'mars': must be one of digits, "),
        ({"examples": ["digits/seed0/prune/none"]}, "is no run of this study"),
    ],
)
def test_a_bad_study_is_one_clear_line(tmp_path, changes, message):
    path = write_study(tmp_path, "bad", **changes)
    with pytest.raises(ParameterError, match=message) as error:
        studies.load(path)
    assert "\n" not in str(error.value) and ".yaml: " in str(error.value)


def test_a_string_for_a_rate_is_noticed_in_yaml(tmp_path):
    path = write_study(tmp_path, "bad")
    (tmp_path / "train.yaml").write_text("dataset: digits\nlr_generator: 3e-4\n")
    with pytest.raises(ParameterError, match="lr_generator = '3e-4': is str"):
        studies.load(path)


def test_a_parameter_that_the_notebook_does_not_have_is_noticed_before_any_run(tmp_path):
    path = write_study(tmp_path, "bad")
    (tmp_path / "train.yaml").write_text("dataset: digits\ndepth: 5\n")
    with pytest.raises(ParameterError, match="train.yaml: depth: no such parameter; this notebook has dataset, "):
        studies.load(path)


def test_no_yaml_is_one_clear_line(tmp_path):
    (tmp_path / "study.yaml").write_text("a: [")
    with pytest.raises(ParameterError, match="is no YAML"):
        studies.load(tmp_path / "study.yaml")


def test_a_key_twice_is_one_clear_line(tmp_path):
    path = write_study(tmp_path, "bad")
    (tmp_path / "train.yaml").write_text("dataset: digits\nepochs: 1\nngf: 4\nepochs: 2\n")
    told = rf"pairs\[0\]: {tmp_path}/train.yaml: epochs: stands there twice, again in line 4$"
    with pytest.raises(ParameterError, match=told):
        studies.load(path)
    path.write_text("study: a\npairs:\n  - {dataset: digits, seeds: [0], seeds: [1]}\n")
    with pytest.raises(ParameterError, match=f"^{path}: seeds: stands there twice, again in line 3$"):
        studies.load(path)


def test_a_tilde_is_the_home_folder_in_every_file_of_a_study(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(ROOT / "checkpoints/digits", tmp_path / "weights")
    pairs = [{"dataset": "digits", "train": "~/train.yaml"}, {"dataset": "digits", "seeds": [7]}]
    pairs[1]["checkpoint"] = "~/weights/seed0"
    write_study(tmp_path, "home", pairs=pairs)
    runs = studies.load("~/study.yaml").runs
    sources = runs["results/home/digits/seed7/prune/generator-percentage-global-50"].sources
    assert f"{tmp_path}/weights/seed0/generator.safetensors" in sources


def test_a_file_that_is_not_there_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match=f"^{tmp_path}/none.yaml: no such file$"):
        studies.load("none.yaml")


def snakemake(copy, path, *options):
    """Output of both streams, and whether it went well."""
    command = [sys.executable, "-m", "snakemake", "--config", f"study={path}", *options]
    # Longer than a socket's path may be, as on some clusters.
    long = copy.parent / ("t" * 123)
    long.mkdir(exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(copy), "TMPDIR": str(long)}
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, env=environment, timeout=900)
    return done.stdout + done.stderr, done.returncode == 0


@pytest.fixture
def copy(tmp_path):
    """A copy of what a study needs, so that nothing is written into the checkout."""
    folder = tmp_path / "it's a çopy"
    for name in ("ganprune_utils", "notebooks", "params", "profiles", "workflow"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    for name in ("Snakefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / "checkpoints").symlink_to(ROOT / "checkpoints")
    return folder


@pytest.mark.slow
def test_a_study_runs_resumes_and_lists_its_failures(tmp_path, copy):
    """From end to end: trained, pruned, reported; nothing to do though file times change; an edit; a picture more; a
    new cell that fails."""
    example = "image_folder/seed0/prune/generator-percentage-global-50"
    pictures = tmp_path / "pictures"
    for i in range(40):
        (pictures / str(i % 2)).mkdir(parents=True, exist_ok=True)
        Image.new("L", (32, 32), 6 * i).save(pictures / str(i % 2) / f"{i}.png")
    prune = {"n_samples": 4, "n_quality": 0}
    prune["cells"] = [{"method": "percentage", "thresholds": [50]}, {"method": "sensitivity", "thresholds": [0.75]}]
    pairs = [{"dataset": "image_folder", "image_folder": str(pictures), "train": str(tmp_path / "train.yaml")}]
    path = write_study(tmp_path, "test-study", pairs=pairs, prune=prune, examples=[example])
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(SMALL | {"dataset": "image_folder"}))
    results = copy / "results/test-study"
    output, ok = snakemake(copy, path)
    assert ok, output
    assert "epoch 1/1" in output and "1 of 4 runs done" in output and "4 of 4 runs done" in output
    assert "Done. Read results/test-study/report/README.md, or results/test-study/paper.html in a browser." in output
    assert not any(
        chatter in output for chatter in ("Building DAG", "Select jobs", "Execute ", "Finished job", "rule ")
    )
    assert "Table II, image_folder" in (results / "report/README.md").read_text()
    assert (results / "paper.html").is_file()
    notebooks = {"paper.ipynb", "02_prune-image_folder-seed0-generator-percentage-global-50.ipynb"}
    assert {path.name for path in (results / "report/notebooks").iterdir()} == notebooks
    run = results / example
    assert example in (lines := (results / "runs.txt").read_text().splitlines()) and len(lines) == 3
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["parameters"]["threshold"] == 50.0 and len(manifest["data_sha256"]) == 64
    assert (run / "notebook.ipynb").is_file()
    computed = "import study; print(study.code_of('notebooks/02_prune.ipynb'))"
    environment = os.environ | {"PYTHONPATH": f"{copy}:{copy / 'workflow'}"}
    computed = subprocess.run([sys.executable, "-c", computed], env=environment, capture_output=True, text=True)
    assert manifest["code_sha256"] == computed.stdout.strip()

    for file in [*copy.glob("ganprune_utils/**/*.py"), *copy.glob("notebooks/**/*.ipynb")]:
        file.touch()
    output, ok = snakemake(copy, path)
    assert ok and "Nothing to be done" in output and "Read results/test-study/report/README.md" in output

    # A dry run says which runs are due: after an edit of what prunes, not the training.
    masks = copy / "ganprune_utils/pruning/masks.py"
    code = masks.read_text()
    masks.write_text(code + "# edited")
    output, ok = snakemake(copy, path, "--dry-run")
    assert ok and f": results/test-study/{example}\n" in output and re.search(r"^run +2$", output, re.MULTILINE)
    assert ": results/test-study/image_folder/seed0/train\n" not in output
    masks.write_text(code)

    # So does a picture more: the training, and what depends on it.
    before = (results / "image_folder/seed0/train/manifest.json").read_bytes()
    shutil.copy(pictures / "0/0.png", pictures / "0/more.png")
    output, ok = snakemake(copy, path)
    assert ok and "4 of 4 runs done" in output
    assert json.loads(before)["data_sha256"] != json.loads((run / "manifest.json").read_text("utf-8"))["data_sha256"]

    # The pair's weights are broken: the new cell fails, what was there stays.
    write_study(
        tmp_path, "test-study", pairs=pairs, prune=prune | {"cells": [{"method": "percentage", "thresholds": [50, 60]}]}
    )
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(SMALL | {"dataset": "image_folder"}))
    (results / "image_folder/seed0/train/generator.safetensors").write_bytes(b"truncated")
    output, ok = snakemake(copy, path)
    assert not ok
    assert "1 failed" in output and "generator-percentage-global-60: CheckpointError: " in output
    assert "CalledProcessError" not in output
    assert (results / "image_folder/seed0/prune/generator-percentage-global-60/notebook.ipynb").is_file()
    assert (run / "manifest.json").is_file()


@pytest.fixture
def watched():
    """The progress of a study with three runs, as Snakemake's records reach it."""
    runs = {"a": SimpleNamespace(step="train"), "b": SimpleNamespace(step="prune"), "c": SimpleNamespace(step="prune")}
    jobs = [SimpleNamespace(output=[name], wildcards={"folder": name}, id=i) for i, name in enumerate(runs)]
    jobs.append(SimpleNamespace(output=[], wildcards={}, id=9))  # the rule that asks for everything
    dag = SimpleNamespace(needrun_jobs=lambda: jobs, jobid=lambda job: job.id)
    return progress.Progress(SimpleNamespace(dag=dag), SimpleNamespace(runs=runs, reports=[]))


def tell(handler, event=None, message="", level=logging.INFO, **more):
    record = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    record.__dict__.update(event=event, **more)
    handler.handle(record)


def test_progress_counts_runs_and_estimates_the_time_left(watched, monkeypatch, capsys):
    event = progress.LogEvent
    monkeypatch.setattr(progress.time, "monotonic", lambda: watched.now)
    watched.begin = watched.now = 100.0
    tell(watched, event.JOB_INFO, jobid=0)
    watched.now = 160.0
    tell(watched, event.JOB_FINISHED, job_id=0)
    assert capsys.readouterr().out.endswith("1 of 3 runs done\n")  # how long a pruning takes is not known yet
    tell(watched, event.JOB_INFO, jobid=1)
    watched.now = 280.0
    tell(watched, event.JOB_FINISHED, job_id=1)
    assert capsys.readouterr().out.endswith("2 of 3 runs done, about 2 min left\n")
    tell(watched, event.JOB_FINISHED, job_id=9)
    assert capsys.readouterr().out == "" and watched.success() == "\nDone."


def test_where_no_run_failed_none_is_said_to(watched):
    assert watched.failures() == "\nStopped: 0 of 0 runs done."
    tell(watched, progress.LogEvent.JOB_INFO, jobid=0)
    tell(watched, progress.LogEvent.JOB_FINISHED, job_id=0)
    assert watched.failures() == "\nStopped: 1 of 3 runs done."


def test_errors_are_not_swallowed_but_those_of_runs_that_tell_themselves(watched, tmp_path, capsys):
    tell(watched, None, "MissingInputException in rule run", logging.ERROR)
    tell(watched, None, "Command 'x' returned non-zero exit status 1.", logging.ERROR)
    tell(watched, None, "Building DAG of jobs...")
    assert capsys.readouterr().err == "MissingInputException in rule run\n"
    tell(watched, None, "Nothing to be done (all requested files are present and up to date).")
    assert "Nothing to be done" in capsys.readouterr().out
    for name, error in (("a", "ParameterError: seed = -1\n"), ("b", None)):
        (tmp_path / name).mkdir()
        if error:
            (tmp_path / name / "notebook.error.txt").write_text(error)
        log = [str(tmp_path / name / "notebook.ipynb")]
        tell(watched, progress.LogEvent.JOB_ERROR, "Error in rule run", logging.ERROR, log=log)
    assert capsys.readouterr() == ("", "")
    lines = watched.failures().splitlines()
    assert "2 failed" in lines[1] and lines[2] == f"  {tmp_path / 'a'}: ParameterError: seed = -1"
    assert lines[3].startswith(f"  {tmp_path / 'b'}: ended without a word")


def test_where_quality_is_measured_the_dense_generator_is_a_cell(tmp_path):
    pairs = [{"dataset": "fashion_mnist", "checkpoint": "pretrained"}]
    folder = "results/x/fashion_mnist/seed0/prune/generator-percentage-global-0"
    study = studies.load(write_study(tmp_path, "x", pairs=pairs))
    assert folder in study.runs and study.measures_quality
    assert [report.name for report in study.reports] == ["04_quality", "what_you_see", "paper"]
    sources = study.runs[folder].sources
    both = ["classifier/classifier", "classifier/real", "plain_classifier/classifier", "plain_classifier/real"]
    names = [*both, "seed0/discriminator", "seed0/generator"]
    assert [str(Path(*Path(source).parts[-2:]).with_suffix("")) for source in sorted(sources)] == names
    likeness_only = {"n_quality": 0, "cells": [{"method": "percentage", "thresholds": [50]}]}
    study = studies.load(write_study(tmp_path, "x", pairs=pairs, prune=likeness_only))
    assert folder not in study.runs and [report.name for report in study.reports] == ["paper"]


def test_cells_can_be_for_some_seeds_only(tmp_path):
    cells = [{"method": "percentage", "thresholds": [50]}, {"method": "percentage", "thresholds": [60], "seeds": [0]}]
    pairs = [{"dataset": "digits", "seeds": [0, 1], "train": str(tmp_path / "train.yaml")}]
    study = studies.load(write_study(tmp_path, "x", pairs=pairs, prune={"n_quality": 0, "cells": cells}))
    folders = {name.split("results/x/digits/")[1] for name in study.runs if "prune" in name}
    assert folders == {f"seed{s}/prune/generator-percentage-global-{q}" for s, q in ((0, 50), (0, 60), (1, 50))}


def test_configurations_of_a_retraining_are_a_product_and_share_what_is_the_same_for_all(tmp_path):
    pairs = [{"dataset": "fashion_mnist", "seeds": [0, 1]}]
    configurations = [
        {"dataset": "fashion_mnist", "schedule": "dense"},
        {
            "dataset": "fashion_mnist",
            "schedule": ["one_shot", "iterative"],
            "granularity": ["unstructured", "structured"],
            "target_compressions": 8,
            "rewind": True,
        },
        {"dataset": "fashion_mnist", "schedule": "one_shot", "target_compressions": "2 8", "discriminator_rate": 0.25},
    ]

    def load(**retrain):
        content = {"study": "r", "pairs": pairs, "compression": True, "cost": True, "retrain": retrain}
        (tmp_path / "r.yaml").write_text(json.dumps(content))
        return studies.load(tmp_path / "r.yaml")

    study = load(rounds=16, steps=5, configurations=configurations)
    base = "results/r/fashion_mnist/seed0"
    assert [run.removeprefix(f"{base}/") for run in study.runs if "seed0" in run] == [
        "compression",
        "cost",
        "retrain/dense-80",
        "retrain/one_shot-unstructured-magnitude-generator-8-rewind-80",
        "retrain/one_shot-structured-magnitude-generator-8-rewind-80",
        "retrain/iterative-unstructured-magnitude-generator-8-rewind-80",
        "retrain/iterative-structured-magnitude-generator-8-rewind-80",
        "retrain/one_shot-unstructured-magnitude-generator-2x8-d0.25-80",
    ]
    assert [run for run in study.runs if "seed1" in run] == ["results/r/fashion_mnist/seed1/compression"]
    settings = [run.parameters for run in study.runs.values() if run.step == "retrain"]
    assert {(p["rounds"], p["steps"], p["states"]) for p in settings} == {(16, 5, f"{base}/states")}
    assert settings[1]["target_compressions"] == "8"
    assert [report.name for report in study.reports] == ["compression"]
    assert studies.example_name(f"{base}/retrain/dense-80") == "08_retrain-fashion_mnist-seed0-dense-80.ipynb"
    for wrong, message in (
        ({"schedule": "late"}, r"retrain.configurations\[0\]: schedule = 'late': must be one of one_shot"),
        ({"schedule": ["dense", "dense"]}, "non-unique"),
        ({"criterion": []}, r"configurations\[0\].criterion: .*non-empty"),
        ({"step": 3}, "'step' was"),
        ({"granularity": "structured", "criterion": "wanda"}, "structured pruning has magnitude, activation, bn_scale"),
        ({"distillation": 1.0}, "distillation = 1: only what is pruned is distilled"),
        ({"dataset": ["fashion_mnist", "fashion_mnist2"]}, "dataset = 'fashion_mnist2': must be one of"),
    ):
        with pytest.raises(ParameterError, match=message):
            load(configurations=[{"dataset": "fashion_mnist", "schedule": "dense", **wrong}])
    with pytest.raises(ParameterError, match="retrain/dense-160: asked for twice"):
        load(configurations=configurations[:1] * 2)


def test_lengths_and_distillation_make_another_configuration_of_a_pair_that_the_study_trains(tmp_path):
    train = {"train": str(tmp_path / "train.yaml"), "precision": "bfloat16"}
    pairs = [{"dataset": "digits"}, {"dataset": "digits", "seeds": [1], **train}]
    configuration = {"dataset": "digits", "seed": [0, 1], "schedule": "one_shot", "rounds": [2, 20]}
    retrain = {"steps": 5, "configurations": [configuration | {"distillation": [0.0, 2.5]}]}
    path = write_study(tmp_path, "l", pairs=pairs, compression=True, structured=True, retrain=retrain, prune=None)
    path.write_text(yaml.safe_dump({k: v for k, v in yaml.safe_load(path.read_text()).items() if v is not None}))
    study = studies.load(path)
    name = "retrain/one_shot-unstructured-magnitude-generator-2"
    names = ["-10", "-distilled2.5-10", "-100", "-distilled2.5-100"]
    assert study.runs["results/l/digits/seed1/train"].parameters["precision"] == "bfloat16"
    for seed, steps in ((0, ["compression", "structured"]), (1, ["train", "compression"])):
        base = f"results/l/digits/seed{seed}"
        own = [run for run in study.runs if f"seed{seed}" in run]
        assert sorted(own) == sorted(f"{base}/{step}" for step in [*steps, *(name + end for end in names)])
        checkpoint = f"{base}/train" if seed else "pretrained"
        for run in (study.runs[folder] for folder in own if not folder.endswith(("train", "structured"))):
            assert run.parameters["checkpoint"] == checkpoint
            assert (f"{base}/train/manifest.json" in run.sources) == bool(seed)
            assert any("classifier" in source for source in run.sources)
        distilled = study.runs[f"{base}/{name}-distilled2.5-100"].parameters
        assert (distilled["rounds"], distilled["steps"], distilled["distillation"]) == (20, 5, 2.5)


@pytest.fixture
def load(tmp_path):
    """A study of its content."""

    def load(**content):
        (tmp_path / "u.yaml").write_text(json.dumps({"study": "u", **content}))
        return studies.load(tmp_path / "u.yaml")

    return load


def test_unets_are_trained_before_they_are_pruned(load):
    edges = {"task": "edges", "train": "params/unets/edges.yaml"}
    second = edges | {"seed": 1, "pruning": {"macs_left": "0.6"}}
    faces = {"task": "faces", "train": "params/unets/faces_depth7.yaml", "name": "deep", "pruning": {"inner_levels": 4}}
    study = load(unets=[edges, second, faces], unet_pruning={"steps": 3, "macs_left": "0.5", "ratios": "0.5"})
    folders = [f"results/u/{pair}" for pair in ("edges/seed0", "edges/seed1", "deep/seed0")]
    assert list(study.runs) == [f"{at}/{step}" for at in folders for step in ("unet", "layer_scan", "equal_cost")]
    for at, seed, left, inner in zip(folders, (0, 1, 0), ("0.5", "0.6", "0.5"), (None, None, 4), strict=True):
        train, scan, costs = (study.runs[f"{at}/{step}"] for step in ("unet", "layer_scan", "equal_cost"))
        for run in (scan, costs):
            assert [path for path in run.sources if "manifest" in path] == [f"{at}/unet/manifest.json"]
            assert run.parameters["checkpoint"] == f"{at}/unet" and run.parameters["seed"] == seed
            classifier = "checkpoints/fashion_mnist/classifier/classifier.safetensors"
            assert (classifier in run.sources) == ("edges" in at)  # faces have none
        # Each notebook gets what it knows, and a network its own.
        assert train.parameters["seed"] == seed and train.parameters["depth"] == (7 if "deep" in at else 5)
        assert (scan.parameters["steps"], scan.parameters["ratios"]) == (3, "0.5") and "steps" not in costs.parameters
        assert (costs.parameters["macs_left"], costs.parameters.get("inner_levels")) == (left, inner)
    assert (scan.threads(8), costs.threads(8)) == (2, 2)  # as many as the notebook's, beside others
    names = [studies.example_name(run) for run in study.runs]
    assert names[:2] == ["10_train_unet-edges-seed0.ipynb", "11_unet_layer_scan-edges-seed0.ipynb"]
    assert names[-1] == "12_unet_equal_cost-deep-seed0.ipynb"
    assert [report.name for report in study.reports] == ["unets"] and load(unets=[edges]).reports == []
    with pytest.raises(ParameterError, match="edges.yaml: task = 'edges': the study trains colour with it"):
        load(unets=[edges | {"task": "colour"}])
    with pytest.raises(ParameterError, match="u/edges/seed0/unet: asked for twice"):
        load(unets=[edges, edges])
    with pytest.raises(ParameterError, match=r"unets\[0\]: unet_pruning: steps = 0: must be a whole number"):
        load(unets=[edges], unet_pruning={"steps": 0})
    with pytest.raises(ParameterError, match="unet_pruning: stepz: no such parameter"):
        load(unets=[edges | {"pruning": {"stepz": 1}}], unet_pruning={})
    with pytest.raises(ParameterError, match="asks for no run; needs pairs, classifiers, unets or talking_faces"):
        load()


def test_a_talking_face_needs_its_judges_and_a_smaller_one_stands_beside(load):
    face = {"source": "grid", "lip_sync": "params/talking_faces/lip_sync.yaml"}
    face |= {"train": "params/talking_faces/train.yaml", "smaller": "params/talking_faces/small.yaml"}
    study = load(talking_faces=[face], talking_face_pruning={"ratios": "0.5", "margin": 0.1})
    base = "results/u/grid/seed0"
    steps = ("lip_sync", "talking_face", "talking_face/smaller", "talking_layer_scan", "talking_equal_cost")
    assert list(study.runs) == [f"{base}/{step}" for step in steps]
    judges, wide, small, scan, costs = study.runs.values()
    assert wide.sources == small.sources == [f"{base}/lip_sync/manifest.json"] and judges.sources == []
    assert small.step == "talking_face" and small.parameters["face"] < wide.parameters["face"]
    for run in (scan, costs):  # each notebook gets what it knows
        assert run.sources == [f"{base}/lip_sync/manifest.json", f"{base}/talking_face/manifest.json"]
    assert scan.parameters["ratios"] == "0.5" and costs.parameters["margin"] == 0.1
    assert studies.example_name(f"{base}/talking_face/smaller") == "15_train_talking_face-grid-seed0-smaller.ipynb"
    assert [report.name for report in study.reports] == ["talking_face"] and load(talking_faces=[face]).reports == []
    with pytest.raises(ParameterError, match="talking_face_pruning: stepz: no such parameter"):
        load(talking_faces=[face], talking_face_pruning={"stepz": 1})


def test_published_names_of_executed_notebooks():
    names = {
        "results/x/cifar10/classifier": "00_classifier-cifar10.ipynb",
        "results/x/cifar10/seed1/sensitivity": "03_layer_sensitivity-cifar10-seed1.ipynb",
        "results/x/cifar10/seed1/prune/a-b": "02_prune-cifar10-seed1-a-b.ipynb",
    }
    assert {folder: studies.example_name(folder) for folder in names} == names


def test_weights_ship_in_half_precision_and_load_in_full(tmp_path):
    import ship
    import torch

    from ganprune_utils.models import checkpoints
    from ganprune_utils.models.unet import UNet

    unet = UNet(1, 3, ngf=16)
    checkpoints.save_network(unet, tmp_path / "run" / "generator.safetensors", {"seed": 7})
    (tmp_path / "target").mkdir()
    ship.halve(tmp_path / "run", tmp_path / "target", "generator")
    full, half = (tmp_path / name / "generator.safetensors" for name in ("run", "target"))
    assert half.stat().st_size < 0.52 * full.stat().st_size
    card = checkpoints.read_card(half)
    assert card["seed"] == 7 and card["stored_as"] == "float16"
    back = checkpoints.load_network(tmp_path / "target", "generator")
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
