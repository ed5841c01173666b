"""Data sets and methods have one name for readers, in figures and on pages."""

import pandas as pd
import pytest

from ganprune_utils.analysis.formatting import titled
from ganprune_utils.plots import quality


@pytest.mark.parametrize(
    "name, title",
    [
        ("cifar10", "CIFAR-10"),
        ("fashion_mnist: blurred", "Fashion-MNIST: blurred"),
        ("percentage", "one global threshold"),
        ("percentage (layer)", "equal share of each layer"),
        ("removed by percentage", "removed by percentage"),
        ("my_faces", "my_faces"),
    ],
)
def test_a_name_for_readers(name, title):
    assert titled(name) == title


def test_a_figure_shows_the_names_for_readers():
    points = [("percentage", 0.0, 1.0), ("percentage", 50.0, 2.0)]
    rows = pd.DataFrame(points, columns=["label", "threshold", "frechet"])
    rows = rows.assign(dataset="cifar10", seed=0, sparsity=rows.threshold / 100)
    rows = pd.concat([rows.assign(recalibrated=recalibrated) for recalibrated in (False, True)])
    figure = quality.quality_curves(rows, "frechet", collapsed=30.0)
    assert [axis.get_title() for axis in figure.axes] == ["CIFAR-10, as pruned", "CIFAR-10, recalibrated"]
    assert "one global threshold" in [text.get_text() for text in figure.legends[0].texts]
