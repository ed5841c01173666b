"""What was trained is not lost: fewer epochs are refused, and another run's weights are not replaced."""

import json

import pytest
import torch

from ganprune_utils import artifacts
from ganprune_utils.data.pairs import Pairs
from ganprune_utils.errors import ParameterError
from ganprune_utils.training import classifier, dcgan, pix2pix, prune_retrain

IMAGES = torch.randint(0, 256, (40, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def train_dcgan(folder, epochs, seed=0):
    settings = dcgan.Settings(epochs, 1e-4, 1e-4, batch_size=40, latent_dim=2, ngf=4, ndf=4, threads=1, seed=seed)
    return dcgan.train(settings, IMAGES, folder, "data")


def train_classifier(folder, epochs, seed=0):
    settings = classifier.Settings(epochs, batch_size=40, widths=(8, 8), threads=1, seed=seed)
    return classifier.train(settings, IMAGES, torch.arange(40) % 2, folder, "data")


def train_unet(folder, epochs, seed=0, decay_epochs=0):
    settings = pix2pix.Settings(epochs, decay_epochs, ngf=4, ndf=4, batch_size=40, threads=1, seed=seed)
    return pix2pix.train(settings, Pairs("edges", "train", IMAGES, IMAGES, "data"), folder)


def train_decaying_unet(folder, epochs, seed=0):
    return train_unet(folder, epochs, seed, decay_epochs=1)


TRAININGS = [train_dcgan, train_classifier, train_unet, train_decaying_unet]


@pytest.mark.parametrize("train", TRAININGS)
def test_fewer_epochs_than_are_there_are_refused(train, tmp_path):
    for run in train(tmp_path, 3):
        if len(run.history) == 2:
            break
    told = f"^epochs = 1: {tmp_path} holds 2 epochs of this run already; ask for as many or more, choose another output"
    with pytest.raises(ParameterError, match=told):
        next(train(tmp_path, 1))
    assert len(next(train(tmp_path, 3)).history) == 2


@pytest.mark.parametrize("train", TRAININGS)
def test_weights_of_another_run_are_not_replaced(train, tmp_path):
    list(train(tmp_path, 1))
    artifacts.write_json(tmp_path / "manifest.json", {})  # of the finished run
    told = (
        f"^{tmp_path}: holds the weights of a run with other parameters, data or code; choose another output folder, or"
    )
    with pytest.raises(ParameterError, match=told):
        next(train(tmp_path, 1, seed=1))
    assert len(next(train(tmp_path, 1)).history) == 1  # the same run again
    (tmp_path / "manifest.json").unlink()  # as Snakemake does for a run that is due
    assert len(list(train(tmp_path, 1, seed=1))[-1].history) == 1


def test_a_retraining_with_other_parameters_does_not_replace_one_that_is_there(tmp_path):
    parameters = {"rounds": 16, "steps": 10, "threads": 2, "output": "a"}
    prune_retrain.check_folder(tmp_path, parameters)
    (tmp_path / "manifest.json").write_text(json.dumps({"parameters": parameters}))
    prune_retrain.check_folder(tmp_path, parameters | {"threads": 1, "output": "b"})
    told = f"^{tmp_path}: holds the weights of a run with rounds = 16, not 8; choose another output folder$"
    with pytest.raises(ParameterError, match=told):
        prune_retrain.check_folder(tmp_path, parameters | {"rounds": 8})


def test_a_pruning_does_not_go_where_a_training_is(tmp_path):
    list(train_dcgan(tmp_path, 1))
    assert artifacts.output_folder(tmp_path) == tmp_path
    told = f"^output folder {tmp_path}: holds a training's weights; choose another$"
    with pytest.raises(ParameterError, match=told):
        artifacts.output_folder(tmp_path, [tmp_path / "pair"])
    assert artifacts.output_folder(tmp_path, [tmp_path / "pair"], trains=True) == tmp_path  # its own: it goes on
