"""The notebooks on talking faces, 14 to 17, on drawn faces, once each."""

import pandas as pd
import pytest
from execute import execute, execute_here

from ganprune_utils.models import checkpoints

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A folder of runs: sync networks and a generator of a few steps, a layer scan, and methods at one cost."""
    base = tmp_path_factory.mktemp("talking_faces")
    judges = execute("14_lip_sync.ipynb", base / "lip_sync", epochs=1, steps=4, batch_size=32, landmark_epochs=1)
    values = {"judges": str(judges), "n_clips": 2}
    trained = execute("15_train_talking_face.ipynb", base / "generator", **values, epochs=2, steps=3)
    values |= {"checkpoint": str(trained)}
    execute_here("16_talking_face_layer_scan.ipynb", base / "layer_scan", **values, ratios="0.5", steps=1, n_seeds=1)
    execute_here(
        "17_talking_face_equal_cost.ipynb", base / "equal_cost", **values, macs_left="0.7", parameters_left="0.6",
        fine_tuning="1 step, 2 runs", seconds=0.01,
    )  # fmt: skip
    execute_here("report/talking_face.ipynb", base / "report", results=str(base))
    return base


def test_the_networks_can_be_loaded_again_and_controls_stand_beside(runs):
    for name in ("sync", "judge", "landmarks"):
        checkpoints.load_network(runs / "lip_sync", name)
    accuracy = pd.read_csv(runs / "lip_sync/lip-sync.csv")
    assert set(accuracy.network) == {"expert", "judge", "published loss"} and set(accuracy.split) == {
        "test",
        "held-out",
    }
    controls = pd.read_csv(runs / "generator/talking-face-controls.csv").set_index("frames")
    assert controls.l1["real video"] == 0 and len(controls) == 6
    assert "WARNING: L1 of the reference frame" in (runs / "generator/executed.ipynb").read_text()  # two epochs


def test_the_scan_has_every_layer_before_and_after_fine_tuning(runs):
    scan = pd.read_csv(runs / "layer_scan/talking-face-scan.csv")
    assert scan.groupby("layer").fine_tuned.nunique().eq(2).all()
    assert {layer.split(".")[0] for layer in scan.layer} == {"face", "audio", "decoder", "output"}


def test_methods_have_the_same_cost(runs):
    rows = pd.read_csv(runs / "equal_cost/talking-face-equal-cost.csv")
    for measure in ("macs", "parameters"):
        own = rows[rows.measure == measure]
        assert own[measure].max() < 1.15 * own[measure].min()
        assert {"global", "lamp", "uniform", "random"} <= set(own.method)


def test_what_is_kept_stands_for_every_network_and_frames_are_counted(runs):
    kept = pd.read_csv(runs / "equal_cost/talking-face-kept.csv")
    pruned = pd.read_csv(runs / "equal_cost/talking-face-equal-cost.csv").query("measure != '-'")
    assert len(kept) == len(pruned[["measure", "target", "method"]].drop_duplicates())
    assert (kept.picture_low <= kept.picture).all() and (kept.picture <= kept.picture_high).all()
    assert kept.sync.notna().all()  # of the clips that are long enough
    deployed = pd.read_csv(runs / "equal_cost/talking-face-deployed.csv")
    assert deployed.network[0] == "dense" and (deployed["frames a second"] > 0).all()


def test_the_page_has_every_part(runs):
    page = (runs / "report/README.md").read_text()
    parts = ("Can the judge judge?", "Does the dense network do its work?", "Which layers", "Every method", "How small")
    assert [part for part in parts if f"## {part}" not in page] == []
    figures = {path.name for path in (runs / "report/figures").iterdir()}
    assert figures >= {"equal-cost.png", "parting.png", "methods.png", "losses.png", "talking.webp"}
