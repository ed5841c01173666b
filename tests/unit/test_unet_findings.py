"""The page on pruned U-Nets, as the report notebook writes it of tables that are known."""

import json

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure

from ganprune_utils.analysis import unet_layers
from ganprune_utils.analysis.formatting import interval, signed
from tests.conftest import ROOT

LAYERS = ("down1", "down3", "down5", "up4", "up2")
AT = {"measure": "macs", "target": "70%"}


def of_network(task, depth, **columns):
    return pd.DataFrame({"task": task, "depth": depth, "seed": 0, "ngf": 8, **columns})


def tables_of(task, depth, scale=1.0) -> dict[str, pd.DataFrame]:
    """All tables of one network: inner filters are better than global ones, by L1 and by SSIM."""
    methods = ["dense", "inner", "global"] * 2
    runs = {"method": methods, "measure": ["-", "macs", "macs"] * 2, "target": ["-", "70%", "70%"] * 2}
    rows = runs | {"fine_tuning": "1 epoch", "run": [0] * 3 + [1] * 3, "macs": [100, 70, 70] * 2, "parameters": 9}
    rows |= {"widths": "4 8 | 4", "l1": [scale * l1 for l1 in (0.1, 0.11, 0.12) * 2], "ssim": [0.7, 0.6, 0.5] * 2}
    pairs = [("inner", "global", -0.1), ("inner", "dense", 0.1), ("global", "dense", 0.2), ("uniform", "global", 0.05)]
    compared = dict(zip(("method", "against", "difference"), zip(*pairs, strict=True), strict=True))
    compared |= AT | {
        "fine_tuning": "1 epoch",
        "metric": "l1",
        "low": [-0.11, 0.09, 0.19, 0],
        "high": [-0.09, 0.11, 0.21, 0.1],
    }
    rises = {False: (0.9, 0.5, 0.1, 0.3, 0.7), True: (0.00, 0.01, 0.04, 0.02, 0.005)}
    ranked = {"fine_tuned": [after for after in rises for _ in LAYERS], "layer": LAYERS * 2}
    scan = {"layer": ["down.down1.conv"] * 4 + ["up.up2.conv"] * 4, "ratio": [0.5, 0.5, 0.9, 0.9] * 2}
    scan |= {"fine_tuned": [False, True] * 4, "l1": [0.1, 0.2, 0.3, 0.2, 0.3, 0.1, 0.3, 0.1]}
    tables = {
        "unet-equal-cost": rows,
        "unet-comparisons": compared | {"runs": 2, "p": [0.01, 0.001, 0.001, 0.2]},
        "unet-latency": {name: values[:3] for name, values in runs.items()} | {"median": [30, 20, 15]},
        "unet-ranking": ranked | {"critical_sparsity": None, "at_half": [*rises[False], *rises[True]]},
        "unet-scan": scan,
        "unet-reference": {"run": 0, "fine_tuned": [False, True], "l1": 0.1},
        "unet-dead": {"parameters dead": [0.38], "macs dead": [0.07]},
        "trained": {"answer": ["the U-Net", "the mean picture"], "l1": [0.05, 0.23456]},
        "history": {"epoch": [1, 2], "d_real": [0.5, 0.99], "d_fake": [0.5, 0.0]},
    }
    return {name: of_network(task, depth, **columns) for name, columns in tables.items()}


def joined(*networks) -> dict[str, pd.DataFrame]:
    return {name: pd.concat([tables[name] for tables in networks], ignore_index=True) for name in networks[0]}


EDGES, FACES = tables_of("edges", 5), tables_of("faces", 7, scale=2)
EDGES["unet-equal-cost"]["frechet"] = [0.2, 0.4, 0.6] * 2
TRAINED = {"task": "edges", "seed": 0, "depth": 5, "ngf": 8, "epochs": 5, "decay_epochs": 1, "batch_size": 8}
PRUNED = {"task": "edges", "seed": 0, "checkpoint": "results/u/edges/seed0/unet", "margin": 0.03}
PRUNED |= {"fine_tuning": "1 epoch, 2 runs", "inner_levels": 2, "n_test": 0}
REPORT = ROOT / "notebooks/report/unets.ipynb"


def page_of(tables, folder, draws=False):
    """The page that the report notebook writes of these tables, and its values; figures are empty unless it draws.

    The notebook's cells are run here, without a kernel.
    """
    source = folder / "results"
    source.mkdir()
    for name, table in tables.items():
        table.to_csv(source / f"{name}.csv", index=False)
    runs = {"edges/seed0/unet": TRAINED, "edges/seed0/equal_cost": PRUNED}
    lines = [json.dumps({"run": run, "parameters": own, "code_version": "abc"}) for run, own in runs.items()]
    (source / "runs.jsonl").write_text("\n".join(lines) + "\n")
    (source / "edges/seed0/equal_cost").mkdir(parents=True)
    (source / "edges/seed0/equal_cost/rows.png").write_bytes(b"picture")
    values = {"results": str(source), "output": str(folder / "page")}
    code = [cell.source for cell in nbformat.read(REPORT, as_version=4).cells if cell.cell_type == "code"]
    code.insert(1, "\n".join(f"{name} = {value!r}" for name, value in values.items()))
    namespace = {"__annotations__": {}}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("IPython.display.display", lambda *shown: None)
        if not draws:
            patched.setattr(Figure, "savefig", lambda figure, path: path.touch())
        for cell in code:
            exec(compile(cell, str(REPORT), "exec"), namespace)
    plt.close("all")
    return (folder / "page/README.md").read_text(), namespace["page"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return page_of(joined(EDGES, FACES), tmp_path_factory.mktemp("whole"), draws=True)


def test_the_claim_comes_first_and_faces_and_colour_last(written):
    page, _ = written
    order = [
        "| edges | 5 | 0 | 8 | 5 | 8 | 2 | 1 epoch, 2 runs | 0 |",
        "## Against global pruning", "4 comparisons of this page",
        "| edges (depth 5) | 30 % of the MACs saved | 1 epoch | inner | -10.0 [-11.0, -9.0] better |",
        "## Every method, by three metrics", "lies below 3 %", "### edges (depth 5): 30 % of the MACs saved",
        "| 1 epoch | inner | 0.1100 ± 0.0000 | 0.6000 ± 0.0000 | 0.40 ± 0.00 | +10.0 [+9.0, +11.0] | 20 |",
        "| 1 epoch | depth reduction | cannot reach this budget |",
        "(figures/edges-depth-5-equal-cost.png)", "*edges (depth 5).* Every run after 1 epoch",
        "(figures/edges-depth-5-rows.png)", "## All other comparisons",
        "| 1 epoch | uniform | +5.0 [+0.0, +10.0] open |", "## Which layers can lose most filters",
        "(figures/edges-depth-5-scan.png)", "(figures/faces-depth-7-scan.png)", "## Larger images",
        "### faces (depth 7): 30 % of the MACs saved",
        "| 1 epoch | inner | 0.2200 ± 0.0000 | 0.6000 ± 0.0000 | +10.0 [+9.0, +11.0] | 20 |",
        "## The networks", "| edges (depth 5) | the mean picture | - | 0.2346 |", "## Appendix: colour",
        "## Where it comes from", "2 runs, code abc",
    ]  # fmt: skip
    assert not [words for words in order if words not in page]
    assert [page.index(words) for words in order] == sorted(page.index(words) for words in order)
    assert "\n\n\n\n" not in page and "None" not in page and "nan" not in page


def test_layers_and_their_depth(written):
    text, page = " ".join(written[0].split()), written[1]
    pruned, tuned = (page["depth"]["edges (depth 5)", state] for state in ("as pruned", "after fine-tuning"))
    assert pruned["least"] == ("down5", 0.1) and pruned["most"] == ("down1", 0.9) and pruned["layers"] == 5
    assert pruned["correlation"] == pytest.approx(-1) and tuned["correlation"] == pytest.approx(1)
    assert (
        "**faces (depth 7)**, as pruned: half of one layer's filters changes L1 by +10.0 % (down5) to +90.0 % (down1); "
        "rank correlation with the level -1.00 over 5 layers: the deeper, the less sensitive."
    ) in text
    assert "+1.00 over 5 layers: the deeper, the more sensitive." in text


def test_an_order_of_depth_is_said_only_where_there_is_one(tmp_path):
    mixed = EDGES["unet-ranking"].assign(at_half=[0.5, 0.1, 0.4, 0.3, 0.2] * 2)
    orders = unet_layers.depth_orders(mixed.assign(network="edges"))
    assert [order["is_clear"] for order in orders.values()] == [False, False]
    assert page_of(EDGES | {"unet-ranking": mixed}, tmp_path)[0].count("no clear order of depth") == 2


def test_the_trained_networks(written):
    text, page = " ".join(written[0].split()), written[1]
    assert "scores real images 0.99 and generated ones 0.00 (it tells them apart without fail)." in text
    assert page["dead"]["edges (depth 5)"] == {"macs": 0.07, "parameters": 0.38}
    assert "with 4x4 kernels everywhere 38 % of the parameters and 7.0 % of the MACs would multiply" in text


@pytest.mark.parametrize("start", ["unet-equal-cost", "unet-scan"])
def test_a_study_with_one_of_the_two_notebooks_has_a_page(tmp_path, start):
    of_scan = ("unet-scan", "unet-reference", "unet-ranking", "unet-dead")
    names = of_scan if start == "unet-scan" else set(EDGES) - set(of_scan) - {"history"}
    text, _ = page_of({name: EDGES[name] for name in names}, tmp_path)
    assert ("## Which layers can lose most filters" in text) == (start == "unet-scan")
    assert ("## Every method, by three metrics" in text) == (start != "unet-scan")
    assert "## Larger images" not in text


def test_small_numbers_keep_a_digit_and_zero_has_no_minus():
    values = [signed(value) for value in (1.26, -0.04, -0.0041, 0.0004, -0.0)]
    assert values == ["+1.3", "-0.04", "-0.004", "+0.0", "+0.0"]
    row = pd.Series({"difference": 0.0126, "low": None, "high": None}, dtype=float)
    assert interval(row) == "+1.3" and interval(row.fillna(0.5)) == "+1.3 [+50.0, +50.0]"
