"""What is said of cut U-Nets: costs by layer, the ranking, and the verdict, on numbers whose answer is known."""

import numpy as np
import pandas as pd
import pytest
import torch
from test_filters import trained_like

from ganprune_utils import unets
from ganprune_utils.errors import DataError
from ganprune_utils.models import UNet
from ganprune_utils.paired import Pairs

INPUTS = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_describe_names_what_goes_with_a_layer():
    table = unets.describe(UNet(1, 3, ngf=16), INPUTS)
    assert list(table.index) == ["down1", "down2", "down3", "down4", "down5", "up5", "up4", "up3", "up2"]
    assert table.loc["down2", "read by"] == "down3, up2" and table.loc["down2", "BatchNorm"] == "down2"
    # By hand: half of down5's 128 filters, their biases, and what up5 reads of them; pictures of 1x1.
    gone = 64 * (128 * 16 + 1) + 64 * 128 * 16
    whole = sum(p.numel() for p in UNet(1, 3, ngf=16).parameters())
    assert table.loc["down5", "parameters %"] == pytest.approx(100 * gone / whole)
    assert table.loc["up2", "macs %"] > table.loc["up5", "macs %"]


def test_ranking_puts_the_layer_first_that_spares_least():
    scan = pd.DataFrame(
        [(False, f"down.{layer}.conv", share, value)
         for layer, values in {"down1": (0.12, 0.2), "down5": (0.1, 0.101), "down3": (0.1, 0.11)}.items()
         for share, value in zip((0.5, 0.9), values, strict=True)],
        columns=["tuned", "layer", "sparsity", "l1"],
    )  # fmt: skip
    found = unets.ranking(scan, pd.DataFrame({"tuned": [False], "l1": [0.1]}), rise=0.05)
    assert list(found.index) == [(False, "down1"), (False, "down3"), (False, "down5")]
    # down1 rises by 0.02 over half of its filters: by 0.005 after an eighth.
    assert found.tolerated.iloc[0] == pytest.approx(0.125) and found.at_half.iloc[0] == pytest.approx(0.2)
    assert found.tolerated.iloc[1] == pytest.approx(0.7) and np.isnan(found.tolerated.iloc[2])


def test_the_verdict_is_paired_by_picture():
    random = np.random.default_rng(0)
    dense = pd.Series(random.uniform(0.0, 0.2, 4000))  # pictures differ far more than networks do
    worse = {share: dense + 0.1 * share + random.normal(0, 0.005, 4000) for share in (0.01, 0.02, 0.03)}
    each = {("dense", "-", "-", 0): dense}
    each |= {(f"{share}", 1, "macs", 0): values for share, values in worse.items()}
    found = unets.no_loss(each, margin=0.02)
    # 0.02 lies within its interval: that it is below the margin is not shown.
    assert list(found.no_loss) == [True, False, False]
    assert found.difference.to_list() == pytest.approx([0.01, 0.02, 0.03], abs=0.002)
    assert (found.low < found.difference).all() and (found.difference < found.high).all()
    with pytest.raises(DataError, match="no dense network to compare with"):
        unets.no_loss({("inner", 1, "macs", 0): dense}, margin=0.02)


def test_the_halves_of_the_test_pairs_have_nothing_in_common():
    pictures = torch.randint(256, (40, 1, 32, 32), dtype=torch.uint8)
    test = Pairs("paired_folder", "test", pictures, pictures, "")
    choose, report = unets.Report("paired_folder", test, "choose"), unets.Report("paired_folder", test, "report")
    assert torch.equal(choose.inputs, pictures[::2]) and torch.equal(report.inputs, pictures[1::2])
    network = trained_like(UNet(1, 1, ngf=16))
    assert report(network) == report.pictures(unets.translate(network, report.inputs))
    assert report.pictures(report.truth)["l1"] == 0
