"""What a layer of a talking face is worth, by two measures."""

import pandas as pd
import pytest

from ganprune_utils.analysis.talking_face import damage, kept, rank_correlation


def test_damage_is_in_percent_of_the_dense_network_in_the_same_state():
    rows = [("face.1", 0.5, False, 0.3, 0.5), ("face.2", 0.5, False, 0.2, 0.0)]
    rows += [("face.1", 0.5, True, 0.11, 0.5), ("face.2", 0.5, True, 0.1, 0.25)]
    scan = pd.DataFrame(rows, columns=["layer", "ratio", "fine_tuned", "l1", "sync_confidence"])
    reference = pd.DataFrame({"fine_tuned": [True, False], "l1": [0.1, 0.2], "sync_confidence": [0.5, 1.0]})
    found = damage(scan, reference)
    assert found.picture.to_list() == pytest.approx([50, 0, 10, 0])
    assert found.sync.to_list() == pytest.approx([50, 100, 0, 50])
    assert rank_correlation(found).to_list() == pytest.approx([-1, -1])


def test_no_loss_needs_sync_and_picture():
    keys = ("method", "measure", "target", "fine_tuning", "run", "clip", "sync_confidence", "l1")

    def rows(method, measure, sync, l1):
        return [
            dict(
                zip(keys, (method, measure, "50%" if measure != "-" else "-", "5 steps", run, clip, s, p), strict=True)
            )
            for run in range(2)
            for clip, (s, p) in enumerate(((sync, l1), (2 * sync, 2 * l1), (3 * sync, l1)))
        ]

    table = rows("dense", "-", 1.0, 0.1)
    table += rows("fine", "macs", 0.98, 0.102) + rows("blurred", "macs", 1.0, 0.12) + rows("mute", "macs", 0.9, 0.1)
    found = kept(pd.DataFrame(table), margin=0.05).set_index("method")
    assert list(found.index) == ["fine", "blurred", "mute"]
    assert found.no_loss.to_list() == [True, False, False]
    assert found.sync.to_list() == pytest.approx([-0.02, 0, -0.1])
    assert found.picture.to_list() == pytest.approx([0.02, 0.2, 0])
    assert found.sync_low["mute"] == pytest.approx(-0.1)  # paired: every clip falls by a tenth
