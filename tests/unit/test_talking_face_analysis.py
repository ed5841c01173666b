"""What a layer of a talking face is worth, by two measures."""

import pandas as pd
import pytest

from ganprune_utils.analysis.talking_face import damage, rank_correlation


def test_damage_is_in_percent_of_the_dense_network_in_the_same_state():
    rows = [("face.1", 0.5, False, 0.3, 0.5), ("face.2", 0.5, False, 0.2, 0.0)]
    rows += [("face.1", 0.5, True, 0.11, 0.5), ("face.2", 0.5, True, 0.1, 0.25)]
    scan = pd.DataFrame(rows, columns=["layer", "ratio", "fine_tuned", "l1", "sync_confidence"])
    reference = pd.DataFrame({"fine_tuned": [True, False], "l1": [0.1, 0.2], "sync_confidence": [0.5, 1.0]})
    found = damage(scan, reference)
    assert found.picture.to_list() == pytest.approx([50, 0, 10, 0])
    assert found.sync.to_list() == pytest.approx([50, 100, 0, 50])
    assert rank_correlation(found).to_list() == pytest.approx([-1, -1])
