"""The notebooks on DCGANs, 1 to 5, and the page of the paper's tables: on the embedded digits, once each."""

import json
import shutil

import pandas as pd
import pytest
from execute import execute, execute_here

from ganprune_utils import provenance
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
SMALL_TRAINING = {"epochs": 2, "batch_size": 128, "ngf": 8, "ndf": 8}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    return execute("01_train.ipynb", tmp_path_factory.mktemp("train"), **SMALL_TRAINING)


@pytest.fixture(scope="session")
def pruned(trained, tmp_path_factory):
    """A folder of runs: the paper's two on the small pair, and two on the pretrained one, the dense one among them."""
    root = tmp_path_factory.mktemp("prune")
    small = {"dataset": "digits", "checkpoint": str(trained), "n_samples": 20, "n_quality": 100}
    runs = {
        "percentage": {"threshold": 50.0},
        "sensitivity": {"method": "sensitivity", "threshold": 0.75},
        "both": {"threshold": 50.0, "pruned_network": "both"},
        "dense": {"threshold": 0.0},
        "random": {"method": "random", "threshold": 50.0},
        "last-dense": {"threshold": 50.0, "last_layer": "dense"},
    }
    for name, values in runs.items():
        execute_here("02_prune.ipynb", root / "small/seed0/prune" / name, **small | values)
    return root


@pytest.fixture(scope="session")
def scanned(pruned):
    """The same folder, with the scan of the pretrained pair's layers and the audit beside it."""
    values = {"dataset": "digits", "percents": "50 90", "s_values": "1.0", "overall": "50 80", "n_quality": 100}
    execute("03_layer_sensitivity.ipynb", pruned / "digits/seed0/sensitivity", **values)
    execute_here("05_audit.ipynb", pruned / "digits/seed0/audit", dataset="digits", n_samples=20, draws=1)
    return pruned


def test_training_records_what_it_should(trained):
    history = pd.read_csv(trained / "history.csv")
    last = history.iloc[-1]
    assert list(history.epoch) == [1, 2]
    # Trained on the spot, so with a tolerance: processors differ in the last bits, and training amplifies them.
    assert last.loss_generator == pytest.approx(0.6415, abs=0.02)
    assert last.loss_discriminator == pytest.approx(1.159, abs=0.02)
    card = json.loads((trained / "generator.json").read_text())
    assert card["epochs"] == 2 and card["model"]["ngf"] == 8


def test_the_manifest_names_the_environment_and_the_code(trained):
    manifest = json.loads((trained / "manifest.json").read_text())
    assert manifest["versions"] == provenance.versions() and manifest["machine"]["cores"]
    imports = provenance.imports_of(ROOT / "notebooks/01_train.ipynb")
    assert manifest["code_sha256"] == provenance.code_sha256(*imports)


def test_a_resumed_training_has_the_seconds_of_all_its_calls(trained, tmp_path):
    before = json.loads((trained / "manifest.json").read_text())["seconds"]
    for path in trained.glob("checkpoint-*.pt"):
        shutil.copy(path, tmp_path)
    execute_here("01_train.ipynb", tmp_path, **SMALL_TRAINING)  # finds both epochs done
    history = pd.read_csv(tmp_path / "history.csv")
    resumed = json.loads((tmp_path / "manifest.json").read_text())["seconds"]
    assert history.seconds.iloc[-1] < resumed and before > 0


def test_pruning_writes_tidy_tables(pruned):
    table = pd.read_csv(pruned / "small/seed0/prune/percentage/similarity.csv")
    keys = ["dataset", "seed", "pruned_network", "method", "scope", "last_layer", "threshold"]
    assert list(table.columns) == [*keys, "sample", "metric", "value", "recalibrated"]
    assert len(table) == 2 * 20 * 6 and table.metric.nunique() == 6
    sparsity = pd.read_csv(pruned / "small/seed0/prune/percentage/sparsity.csv")
    assert sparsity[sparsity.layer == "overall"].sparsity.item() == pytest.approx(0.5, abs=1e-4)
    kept = pd.read_csv(pruned / "small/seed0/prune/last-dense/sparsity.csv").set_index("layer").sparsity
    assert kept["overall"] == pytest.approx(0.5, abs=1e-4) and kept["layers.convt4"] == 0


def test_the_layer_scan_chooses_on_one_half_and_reports_on_the_other(scanned):
    scan = pd.read_csv(scanned / "digits/seed0/sensitivity/scan.csv")
    assert scan.layer.nunique() == 4 and (scan.output_change > 0).all()
    allocation = pd.read_csv(scanned / "digits/seed0/sensitivity/allocation.csv")
    assert allocation.sparsity.to_list() == pytest.approx((allocation.percent / 100).to_list(), abs=1e-4)
    ways = {"allocation", "global", "layer"}
    assert set(allocation.method) == ways | {f"{way}, last layer dense" for way in ways - {"allocation"}}


def test_the_tables_notebook_puts_ours_beside_the_papers(scanned, tmp_path):
    values = {"results": str(scanned), "n_quality": 100}
    execute_here("04_quality.ipynb", tmp_path, **values)
    execute("report/what_you_see.ipynb", tmp_path, results=str(scanned))
    execute_here("report/paper.ipynb", tmp_path, results=str(scanned), study="test")
    text = (tmp_path / "README.md").read_text()
    assert "### digits seed0 · Table II" in text and "| mean | 0.95 |" in text
    for title in ("## The audit", "## Quality against sparsity", "## Layer by layer"):
        assert title in text
    table = pd.read_csv(tmp_path / "tables" / "table-ii-digits-seed0.csv", header=[0, 1], index_col=0)
    values = pd.read_csv(scanned / "small/seed0/prune/percentage/similarity.csv")
    values = values[(values.metric == "ssim") & ~values.recalibrated].value
    assert table["SSIM", "ours"]["mean"] == pytest.approx(values.mean(), abs=1e-6)
    assert table["SSIM", "ours"]["std"] == pytest.approx(values.std(ddof=0), abs=1e-6)
    names = ["quality", "what-you-see", "last-layer", "rank-disagreement"]
    others = ["trade-off", "similarity-and-quality", "why-the-last-layer", "layers"]
    for name in [*(f"{name}-digits" for name in names), *others]:
        assert (tmp_path / "figures" / f"{name}.png").stat().st_size > 10_000
