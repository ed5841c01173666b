"""Notebooks that need no other's results: 0 and 13, on the embedded digits."""

import json

import onnxruntime
import pytest
from execute import execute

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("architecture", ["residual", "plain"])
def test_the_classifier_leaves_real_features_in_two_halves(tmp_path, architecture):
    execute("00_classifier.ipynb", tmp_path, epochs=5, architecture=architecture)
    card = json.loads((tmp_path / "real.json").read_text())
    assert card["validation"] == card["test"] == [180, 64] and card["reference"]["frechet"] > 0
    assert json.loads((tmp_path / "classifier.json").read_text())["test_accuracy"] > 0.5


def test_your_own_gan_is_pruned_and_exported(tmp_path):
    execute("13_your_gan.ipynb", tmp_path, epochs=1)
    session = onnxruntime.InferenceSession(tmp_path / "export" / "generator.onnx")
    assert [given.name for given in session.get_inputs()] == ["noise", "label"]
