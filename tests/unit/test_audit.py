"""The audit: what sewar 0.4.6 returned, the distance to the printed tables, the four words."""

import numpy as np
import pandas as pd
import pytest
import sewar
import torch
from matplotlib import pyplot as plt
from scipy.ndimage import uniform_filter
from sewar.utils import Filter

from ganprune_utils.analysis import audit
from ganprune_utils.artifacts import write_tables
from ganprune_utils.metrics.similarity import PUBLISHED_WEIGHTS
from ganprune_utils.plots.audit import scored_pairs


def msssim_of_046(a, b, maximum):
    """The lines of `sewar.msssim` in version 0.4.6, with today's `sewar.ssim`, which has not changed since."""
    a, b, terms = a.astype(np.float64), b.astype(np.float64), []
    for _ in PUBLISHED_WEIGHTS:
        terms.append(sewar.ssim(a, b, MAX=maximum, fltr_specs=dict(fltr=Filter.GAUSSIAN, sigma=1.5, ws=11)))
        a, b = (uniform_filter(image, 2)[::2, ::2] for image in (a, b))
    bases = [contrast for _, contrast in terms[:-1]] + [terms[-1][0]]
    return np.prod(np.array(bases, dtype=complex) ** np.array(PUBLISHED_WEIGHTS))


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)])
@pytest.mark.parametrize("maximum", [2, 255])
def test_ms_ssim_is_that_of_046(shape, maximum):
    a, b = np.random.default_rng(0).integers(0, maximum + 1, (2, 3, *shape)).astype(np.uint8)
    b[0], b[1] = a[0], maximum - a[1]
    ours = audit.ms_ssim_of_sewar_046(a, b, maximum)
    theirs = [msssim_of_046(*pair, maximum) for pair in zip(a, b, strict=True)]
    assert ours == pytest.approx(theirs, abs=1e-9) and abs(ours[0] - 1) < 1e-12
    assert abs(ours[1].imag) > 0.01  # a negative contrast leaves an imaginary part


def test_L_follows_from_bytes_and_floats_have_none():
    assert audit.inferred_maximum(np.zeros(1, np.uint8)) == 255
    with pytest.raises(ValueError, match="Invalid integer data type 'f'"):
        audit.inferred_maximum(np.zeros(1, np.float32))


def test_unrelated_noise_is_alike_on_floats_and_identical_when_truncated():
    x, y = torch.rand((2, 4, 1, 32, 32), generator=torch.Generator().manual_seed(0)) * 1.9 - 1
    scores = audit.score_all(x, {"other": y}, 28).set_index(["input_convention", "metric"])
    assert len(scores) == 6 * 4
    assert scores.loc[(audit.FLOATS, "ssim"), "min"] > 0.9 > 0.1 > scores.loc[(audit.BYTES, "ssim"), "mean"]
    assert (scores.loc[audit.TRUNCATED, "mean"] == 1).all() and (scores.loc[audit.TRUNCATED, "std"] == 0).all()
    mixed = scores.loc[audit.MIXED, "min"]
    assert mixed.uqi_sewar == scores.loc[(audit.FLOATS, "uqi_sewar"), "min"] < mixed.ssim == mixed.ms_ssim == 1


def test_statistics_are_of_the_population_and_of_the_real_part():
    pairs = pd.DataFrame({name: [0.5, 1.0] for name in ("uqi", "uqi_sewar", "ssim")} | {"ms_ssim": [0.5 + 1j, 1 + 0j]})
    table = audit.summarize(pairs).set_index("metric")
    assert table.loc["ms_ssim"].to_dict() == table.loc["ssim"].to_dict() == {"mean": 0.75, "min": 0.5, "std": 0.25}


def as_printed(draw=0, mode="evaluation", convention="a", **changes):
    """Scores that equal the printed ones, but for `changes`."""
    rows = audit.printed().assign(input_convention=convention, mode=mode, noise="same", draw=draw)
    for name, change in changes.items():
        rows[name] += change
    return rows


def test_the_printed_statistics_are_those_of_the_paper():
    table = audit.printed().set_index(["compared", "metric"])
    assert table.loc[("Table I", "uqi_sewar")].to_list() == [0.922, 0.731, 0.038]
    assert table.loc[("Table II", "ms_ssim")].to_list() == [1, 1, 0] and len(table) == 6


@pytest.mark.parametrize("statistic", audit.SUMMARY)
def test_mean_minimum_and_std_count_alike(statistic):
    scores = pd.concat([as_printed(), as_printed(convention="b", **{statistic: 0.3})])
    distance = audit.distance_by_draw(scores).set_index("input_convention")
    assert (distance.loc["a", "distance":].abs() < 1e-12).all()
    assert distance.loc["b", "distance":].astype(float).to_numpy() == pytest.approx(np.full(6, 0.1))


def test_a_metric_and_a_table_weigh_a_third_and_a_half():
    scores = as_printed()
    scores.loc[(scores.metric == "uqi_sewar") & (scores.compared == "Table I"), "min"] += 0.9
    row = audit.distance_by_draw(scores).iloc[0]
    wanted = {"distance": 0.05, "Table I": 0.1, "Table II": 0, "uqi_sewar": 0.15, "ssim": 0, "ms_ssim": 0}
    assert row[list(wanted)].to_dict() == pytest.approx(wanted)


def test_one_wild_draw_does_not_move_the_rank():
    draws = [as_printed(draw=d, convention="wild", min=m) for d, m in enumerate((0.03, -30, 0.06))]
    draws += [as_printed(draw=d, convention="steady", min=0.3) for d in range(3)]
    closest = audit.closest_conventions(audit.distance_by_draw(pd.concat(draws)))
    assert closest.input_convention.to_list() == ["wild", "steady"] and (closest.draws == 3).all()
    assert closest[["distance", "lowest", "highest"]].iloc[0].to_list() == pytest.approx([0.02, 0.01, 10])


def test_a_verdict_is_one_of_four_words():
    assert audit.verdict("H0", "refuted", 1, "share")["decisive number"] == 1
    with pytest.raises(ValueError, match="'confirmed': allowed are demonstrated, consistent with, untestable, refuted"):
        audit.verdict("H0", "confirmed", 1, "share")


def test_page_tables_have_every_data_set_and_convention_and_the_printed_numbers(tmp_path):
    assert audit.page_tables(tmp_path) == {}
    modes = as_printed(), as_printed(mode="training", std=0.3)
    noises = [rows.assign(noise=noise) for rows in modes for noise in ("same", "other")]
    scores = pd.concat([*noises, *(rows.assign(input_convention="b", min=0.5) for rows in noises)])
    tables = {
        "audit-verdicts": pd.DataFrame([audit.verdict("H0", "refuted", 0.5, "share")]),
        "audit-scores": scores,
        "audit-closest": audit.closest_conventions(audit.distance_by_draw(scores)),
    }
    for name in ("x", "y"):
        write_tables(tmp_path / name, tables, {"dataset": name, "seed": 0})
    verdicts, printed, distances = audit.page_tables(tmp_path).values()
    assert verdicts.loc[("H0", "share")].to_list() == ["refuted", 0.5] * 2
    assert verdicts.columns.to_list()[:2] == [("x", "verdict"), ("x", "decisive number")]
    assert printed.index.to_list() == [(f"Table {t}", c) for t in ("I", "II") for c in ("printed", "a", "b")]
    assert printed.loc[("Table I", "printed"), ("x", "UQI as in sewar")] == "0.922 / 0.731 / 0.038"
    assert printed.loc[("Table II", "b"), ("y", "SSIM")] == "1.000 / 0.500 / 0.000"
    assert distances.index.to_list() == [("x", "a"), ("x", "b"), ("y", "a"), ("y", "b")]
    wanted = np.array([[0, 0.1] * 2, [0.144, 0.244] * 2] * 2)
    assert distances.to_numpy() == pytest.approx(wanted, abs=5e-4)


def test_training_mode_leaves_the_network_as_it_was(small_generator):
    noise = torch.randn((8, 8, 1, 1), generator=torch.Generator().manual_seed(0))
    before = {name: tensor.clone() for name, tensor in small_generator.state_dict().items()}
    images = audit.generate_in_training_mode(small_generator, noise)
    assert not torch.equal(images, small_generator(noise)) and not small_generator.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in small_generator.state_dict().items())


def test_each_pair_stands_under_its_two_scores():
    images = torch.zeros((3, 3, 8, 8), dtype=torch.uint8)
    figure = scored_pairs(images, images, pd.DataFrame({"wrong": [0.991, 0.5, 1], "right": [-0.004, -0.2, 1]}), "title")
    texts = [text.get_text() for text in figure.axes[0].texts + figure.axes[1].texts]
    assert texts == ["wrong", "0.99", "right", "0.00", "0.50", "−0.20"]
    assert sum(len(axis.images) for axis in figure.axes) == 6
    plt.close(figure)
