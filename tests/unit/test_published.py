"""The published numbers, computed anew: how digits are counted, and that a weight out of place is seen."""

import pandas as pd
import pytest

from ganprune_utils import __main__ as command_line
from ganprune_utils.analysis import published, results
from ganprune_utils.artifacts import write_json
from ganprune_utils.errors import DataError


@pytest.mark.parametrize(
    "before, now, digits",
    [
        (0.862969, 0.862969, 6),
        (0.862969, 0.8629694, 6),
        (0.862969, 0.86296, 4),
        (0.1999, 0.2001, 3),
        (27.9, 27.95, 3),
        (1.0, 1.2, 1),
        (1.0, 3.0, 0),
        (0.0, 0.0, 6),
    ],
)
def test_digits_that_agree(before, now, digits):
    assert published.digits_that_agree(before, now) == digits


def test_it_says_what_is_not_computed_with_the_command_and_the_hours():
    table = published.elsewhere()
    assert list(table.index) == ["make checkpoints", "make report", "make compression", "make unets"]
    assert (table.hours > 0.5).all() and (table.runs > 0).all()


def test_every_number_to_compute_is_published():
    known = pd.concat([published._similarity(), published._quality()]).set_index(published.KEY).value
    for dataset in published.DATASETS:
        for seed in published.SEEDS:
            for run in [*published.RUNS, *published.LAST_LAYER]:
                assert known[dataset, seed, *run, "frechet"] > 0


def test_a_package_without_tables_says_so(monkeypatch, capsys):
    monkeypatch.setattr(published, "CHECKOUT", None)
    with pytest.raises(DataError, match="not installed with the package"):
        published.tables()
    assert command_line.main(["check"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_number_that_differs_in_three_digits_fails(monkeypatch, capsys):
    monkeypatch.setattr(published, "numbers", lambda: iter([("a", 0.5, 0.5), ("b", 0.5, 0.52)]))
    assert command_line.main(["check"]) == 1
    out = capsys.readouterr().out
    assert "a: published 0.5, now 0.5, 6 digits agree" in out and "make compression: reports/compression/tables" in out
    monkeypatch.setattr(published, "numbers", lambda: iter([("a", 0.5, 0.500002)]))
    assert command_line.main(["check"]) == 0


def test_it_stops_after_the_minutes_that_it_is_given(monkeypatch, capsys):
    monkeypatch.setattr(published, "numbers", lambda: iter([("a", 0.5, 0.5), ("b", 0.5, 0.5)]))
    assert command_line.main(["check", "--minutes", "0"]) == 0
    assert "stopped after 0 minutes" in (out := capsys.readouterr().out) and "b: published" not in out


@pytest.mark.slow
def test_a_published_number_comes_out_again():
    judge = published.QualityEvaluator("fashion_mnist")
    values = published.recomputed(judge, "fashion_mnist", 0, "percentage", "global", 50.0, "pruned")
    known = pd.concat([published._similarity(), published._quality()]).set_index(published.KEY).value
    for metric, value in values.items():
        digits = published.digits_that_agree(
            known["fashion_mnist", 0, "percentage", "global", 50, "pruned", metric], value
        )
        assert digits >= 4, metric


def test_a_run_names_its_notebook_and_the_command_that_runs_it_again(tmp_path):
    write_json(tmp_path / "a/manifest.json", {"seconds": 1})
    ran = {"input_path": "notebooks/02_prune.ipynb", "parameters": {"seed": 1, "overall": "50 70"}}
    write_json(tmp_path / "a/notebook.ipynb", {"metadata": {"papermill": ran}})
    write_json(tmp_path / "b/manifest.json", {"seconds": 2})
    runs = results.read_manifests(tmp_path).set_index("run")
    assert runs.notebook["a"] == "notebooks/02_prune.ipynb" and pd.isna(runs.notebook["b"])
    assert runs.command["a"] == "papermill notebooks/02_prune.ipynb out.ipynb -p seed 1 -p overall '50 70'"
