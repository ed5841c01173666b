"""Weights from elsewhere: found by their names and shapes, and nothing in the file is run."""

import argparse
import copy
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from ganprune_utils.errors import CheckpointError
from ganprune_utils.models.dcgan import Discriminator, Generator
from ganprune_utils.models.foreign import load_foreign_weights
from ganprune_utils.models.state import original


def generator(seed=0):
    torch.manual_seed(seed)
    return Generator(latent_dim=4, ngf=2, channels=1)


def under(prefix, module):
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def same(a, b):
    return all(torch.equal(tensor, b.state_dict()[name]) for name, tensor in a.state_dict().items())


SAVED, AVERAGE = generator(1), generator(2)
FILES = {
    "bare": (SAVED.state_dict(), ""),
    "parameters": (dict(SAVED.named_parameters()) | dict(SAVED.named_buffers()), ""),
    "DataParallel": (nn.DataParallel(SAVED).state_dict(), "module"),
    "compiled": (OrderedDict(under("_orig_mod", SAVED)), "_orig_mod"),
    "average": (AveragedModel(SAVED).state_dict(), "module"),
    "Lightning": (
        {"epoch": 3, "state_dict": under("G", SAVED) | under("D", Discriminator(2)), "hyper_parameters": {"lr": 1e-3}},
        "state_dict.G",
    ),
    "with settings": ({"args": argparse.Namespace(size=32), "netG": SAVED.state_dict(), "optimizer": [1]}, "netG"),
    "before 0.4.1": ({n: t for n, t in SAVED.state_dict().items() if "num_batches" not in n}, ""),
}


@pytest.mark.parametrize("content, prefix", FILES.values(), ids=FILES)
@pytest.mark.parametrize("wrap", [lambda module: module, nn.DataParallel], ids=["module", "wrapped"])
def test_the_network_is_found_in_the_file(tmp_path, content, prefix, wrap):
    module = wrap(generator())
    torch.save(content, tmp_path / "weights.pt")
    assert load_foreign_weights(module, tmp_path / "weights.pt") == prefix
    assert same(SAVED, original(module))


def test_safetensors_are_read_as_well(tmp_path):
    save_file(under("generator", SAVED), tmp_path / "weights.safetensors")
    module = generator()
    assert load_foreign_weights(module, tmp_path / "weights.safetensors") == "generator" and same(SAVED, module)


def test_of_several_networks_one_is_named(tmp_path):
    path, module = tmp_path / "weights.pt", generator()
    torch.save({"g": SAVED.state_dict(), "g_ema": AVERAGE.state_dict()}, path)
    with pytest.raises(CheckpointError, match=r"has several such networks; prefix is one of 'g', 'g_ema'$"):
        load_foreign_weights(module, path)
    assert same(module, generator())
    assert load_foreign_weights(module, path, "g_ema") == "g_ema" and same(AVERAGE, module)
    with pytest.raises(CheckpointError, match=r"no such network; prefixes of a Generator are 'g', 'g_ema'$"):
        load_foreign_weights(module, path, "ema")


NOT_FINITE = copy.deepcopy(SAVED.state_dict())
NOT_FINITE["layers.convt1.weight"][0] = torch.nan


@pytest.mark.parametrize(
    "content, words",
    [
        (
            nn.Sequential(nn.Linear(1, 1)),
            "holds torch.nn.modules.container.Sequential, which is code; torch.save",
        ),
        ({"a": Generator(4, 3, 1).state_dict()}, "belongs to another network; layers.bn1.bias has shape "),
        (
            SAVED.state_dict() | {"layers.convt9.weight": torch.ones(1)},
            "layers.convt9.weight has shape .1,., ",
        ),
        ({"other.weight": torch.ones(1)}, r"prefixes of a Generator are none \(its first name is 'other.weight'\)"),
        ({}, "its first name is 'missing'"),
        (NOT_FINITE, "layers.convt1.weight has NaN or infinite values"),
    ],
)
def test_what_does_not_fit_is_one_line_and_changes_nothing(tmp_path, content, words):
    path, module = tmp_path / "weights.pt", generator()
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=f"^checkpoint {path}: .*{words}") as error:
        load_foreign_weights(module, path)
    assert same(module, generator()) and len(str(error.value).splitlines()) == 1


def test_files_that_are_none(tmp_path):
    path = tmp_path / "weights.pt"
    with pytest.raises(CheckpointError, match="no such file"):
        load_foreign_weights(generator(), path)
    torch.save(SAVED.state_dict(), path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(CheckpointError, match="truncated, or not written by torch.save"):
        load_foreign_weights(generator(), path)
    path.write_text("hello")
    with pytest.raises(CheckpointError, match="truncated, or not written by torch.save"):
        load_foreign_weights(generator(), path)
