"""What is taken home loads without the study, and nothing half-written stays behind."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from helpers import NOISE, Foreign, trained_like

from ganprune_utils import load_generator, pruning
from ganprune_utils.__main__ import main
from ganprune_utils.errors import CheckpointError, ParameterError, StudyError
from ganprune_utils.export import onnx
from ganprune_utils.models import checkpoints
from ganprune_utils.models.dcgan import Generator
from ganprune_utils.models.sampling import draw_noise
from ganprune_utils.models.unet import UNet

pytestmark = pytest.mark.slow


def test_the_command_writes_a_smaller_generator_that_both_can_load(tmp_path, capsys):
    folder = tmp_path / "small"
    assert main(["export", str(folder), "--dataset", "fashion_mnist", "--ratio", "0.5"]) == 0
    printed = capsys.readouterr().out
    card = json.loads((folder / "generator.json").read_text())
    assert card["model"]["ngf"] == 32 and card["pruned"]["ratio"] == 0.5 and card["onnx_parity"] < 1e-4
    assert "parameters: 369,600 of 1,066,880 (2.9 times fewer)" in printed
    generator = checkpoints.load_network(checkpoints.find("fashion_mnist", 0, str(folder)), "generator")
    noise = np.random.default_rng(0).standard_normal((5, 100, 1, 1), dtype=np.float32)
    session = onnxruntime.InferenceSession(folder / "generator.onnx")
    images = session.run(None, {"noise": noise})[0]
    assert images.shape == (5, 1, 32, 32)
    assert np.abs(images - generator(torch.from_numpy(noise)).detach().numpy()).max() < 1e-4


def test_what_was_retrained_is_recalibrated_and_told_against_the_dense_generator(tmp_path, capsys):
    dense, noise = load_generator("fashion_mnist"), draw_noise(8, 100, 0)
    small = pruning.remove_filters(dense, pruning.filters_for(dense, noise, "l2", 0.5), noise[:2])
    card = {"dataset": "fashion_mnist", "seed": 0, "retrained": {"schedule": "one_shot"}}
    checkpoints.save_network(small, tmp_path / "run/generator.safetensors", card)
    assert main(["export", str(tmp_path / "new"), "--checkpoint", str(tmp_path / "run")]) == 0
    assert "parameters: 369,600 of 1,066,880 (2.9 times fewer)" in capsys.readouterr().out
    written = json.loads((tmp_path / "new/generator.json").read_text())
    assert written["retrained"] == card["retrained"] and written["pruned"]["recalibrated"]
    loaded = checkpoints.load_network(tmp_path / "new", "generator")
    assert not torch.equal(loaded.layers.bn1.running_mean, small.layers.bn1.running_mean)


def test_a_unet_can_be_exported_for_any_batch(tmp_path):
    exported = onnx.export(trained_like(UNet(1, 1, 16)), tmp_path / "unet", torch.rand(32, 1, 32, 32), {})
    session = onnxruntime.InferenceSession(tmp_path / "unet/generator.onnx")
    assert exported["parity"] < 1e-4
    assert session.run(None, {"noise": np.zeros((21, 1, 32, 32), np.float32)})[0].shape == (21, 1, 32, 32)


@torch.no_grad()
def test_a_runner_gives_the_images_of_the_model():
    generator = trained_like(Generator(12, 16))
    run = onnx.onnx_runner(generator, NOISE, threads=1)
    for n in (1, 5):
        assert np.allclose(run(NOISE[:n]), generator(NOISE[:n]).numpy(), atol=1e-5)


def test_a_foreign_generator_can_be_exported(tmp_path):
    exported = onnx.export(trained_like(Foreign()), tmp_path / "mine", NOISE, {})
    assert exported["parity"] < 1e-4 and sorted(exported["bytes"]) == [
        "generator.json", "generator.onnx", "generator.safetensors",
    ]  # fmt: skip
    assert json.loads((tmp_path / "mine/generator.json").read_text())["model"]["architecture"] == "Foreign"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["taken"], "export taken: exists already; choose a new folder"),
        (["new", "--ratio", "0.999"], "would empty layer layers.convt1, which has 256 filters"),
        (["new", "--ratio", "1.5"], "ratio = 1.5: must be a share of the filters in [0, 1)"),
        (["new", "--dataset", "mnist"], "checkpoint mnist/seed0: is not pretrained; these are: "),
        (["new", "--checkpoint", "nowhere"], "no such folder"),
        (["taken/file/new"], "cannot be written"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").touch()
    assert main(["export", *arguments]) == 2
    printed = capsys.readouterr().err
    assert words in printed and printed.count("\n") == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["taken", "file"]


def test_a_wrong_onnx_file_is_noticed_and_leaves_nothing(tmp_path, monkeypatch):
    write = onnx.write_onnx
    other = trained_like(Generator(12, 16), seed=1)
    monkeypatch.setattr(onnx, "write_onnx", lambda _, *rest: write(other, *rest))
    with pytest.raises(StudyError, match="ONNX Runtime's images differ by"):
        onnx.export(trained_like(Generator(12, 16)), tmp_path / "small", NOISE, {})
    assert not list(tmp_path.iterdir())


def test_a_card_of_another_network_is_noticed(tmp_path):
    small = trained_like(Generator(12, 16))
    onnx.export(small, tmp_path / "a", NOISE, {})
    onnx.export(pruning.remove_filters(small, {"layers.convt1": torch.arange(9)}, NOISE), tmp_path / "b", NOISE, {})
    (tmp_path / "a/generator.json").write_bytes((tmp_path / "b/generator.json").read_bytes())
    with pytest.raises(CheckpointError, match="belongs to another network; layers.bn1.bias has shape"):
        checkpoints.load_network(tmp_path / "a", "generator")


def test_too_little_noise_for_the_check(tmp_path):
    with pytest.raises(ParameterError, match="the check needs 7 inputs, got 2"):
        onnx.export(trained_like(Generator(12, 16)), tmp_path / "small", NOISE[:2], {})
