"""What is taken home loads without the study, and nothing half-written stays behind."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from helpers import NOISE, Foreign, trained_like
from safetensors.torch import load_file
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ganprune_utils import load_generator, pruning
from ganprune_utils.__main__ import main
from ganprune_utils.errors import CheckpointError, ParameterError, StudyError
from ganprune_utils.export import onnx
from ganprune_utils.models import checkpoints
from ganprune_utils.models.dcgan import Generator
from ganprune_utils.models.inputs import Inputs
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


class Several(nn.Module):
    """Inputs by sample, fixed and unused, two outputs, a layer under two names."""

    def __init__(self, samples=lambda z: z.shape[0]):
        super().__init__()
        self.samples, self.up, self.norm = samples, spectral_norm(nn.ConvTranspose2d(8, 16, 4)), nn.BatchNorm2d(16)
        self.label, self.layers = nn.Embedding(9, 16), nn.Sequential(nn.ReLU(), self.up)

    def forward(self, z, label, scale, unused=None):
        x = self.norm(self.up(z)) + self.label(label)[:, :, None, None] + torch.zeros(self.samples(z), 1, 1, 1)
        return (scale * x).tanh(), z


SCALE = torch.full((1, 16, 1, 1), 0.5)  # one row, whatever the number of samples
SEVERAL = Inputs(torch.randn(9, 8, 1, 1), torch.arange(9), SCALE, unused=torch.ones(9), output=0)


@pytest.mark.parametrize("samples", [lambda z: z.shape[0], len], ids=["shape", "len"])
def test_several_inputs_have_their_names_and_the_network_stays_as_it_is(tmp_path, samples):
    model = Several(samples).train()
    before = [tensor.clone() for tensor in model.state_dict().values()]
    assert onnx.export(nn.DataParallel(model), tmp_path / "x", SEVERAL, {})["parity"] < 1e-4
    assert all(module.training for module in model.modules())
    assert all(torch.equal(*pair) for pair in zip(before, model.state_dict().values(), strict=True))
    session = onnxruntime.InferenceSession(tmp_path / "x/generator.onnx")
    z, label = torch.randn(5, 8, 1, 1), torch.arange(5)
    given = {"z": z.numpy(), "label": label.numpy(), "unused": np.ones(5, np.float32)}
    assert [i.name for i in session.get_inputs()] == list(given)
    images = session.run(["images"], given)[0]
    assert np.allclose(images, model.eval()(z, label, SCALE)[0].detach().numpy(), atol=1e-5)
    written = load_file(tmp_path / "x/generator.safetensors")
    assert written.keys() == model.state_dict().keys()


def test_half_precision_is_exported_as_it_is(tmp_path):
    model = nn.Sequential(nn.ConvTranspose2d(12, 3, 4), nn.BatchNorm2d(3), nn.Tanh()).half()
    assert onnx.export(model, tmp_path / "x", NOISE, {})["parity"] < 1e-2
    session = onnxruntime.InferenceSession(tmp_path / "x/generator.onnx")
    assert session.get_inputs()[0].type == "tensor(float16)"


class Returning(nn.Module):
    def __init__(self, returned):
        super().__init__()
        self.returned, self.up = returned, nn.ConvTranspose2d(12, 3, 4)

    def forward(self, z):
        return self.returned(self.up(z))


@pytest.mark.parametrize(
    "returned, words",
    [
        (lambda x: (x, x), "output: say which one is the image, as in Inputs(z, output=0); the tuple has 0 to 1"),
        (lambda x: x + torch.randn(x.shape), "gives other images each time; what its forward draws has to be an input"),
        (lambda x: x.double(), "its images are torch.float64; exported are torch.float32, torch.float16"),
        (lambda x: x.reshape(2, 3, 4, 4) if len(x) == 2 else x, "its forward fixes the number of samples"),
        (lambda x: x if x.mean() > -9 else -x, "cannot be exported ("),
        (lambda x: x.nothing, "cannot be run on (2, 12, 1, 1) ('Tensor' object has no attribute 'nothing')"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(tmp_path, returned, words):
    with pytest.raises(ParameterError) as error:
        onnx.export(Returning(returned), tmp_path / "x", NOISE, {})
    assert words in str(error.value) and len(str(error.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())
