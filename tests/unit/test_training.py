"""Training: the same bits again, also after a kill; and its warnings."""

import signal
import subprocess
import sys
import time

import pytest
import torch

from ganprune_utils.errors import CheckpointError, DataError
from ganprune_utils.training import dcgan

pytestmark = pytest.mark.slow

SMALL = dict(lr_generator=3e-4, lr_discriminator=1e-4, batch_size=16, latent_dim=8, ngf=4, ndf=4, threads=1)


def settings(epochs=3, **changes):
    return dcgan.Settings(epochs=epochs, **(SMALL | changes))


@pytest.fixture(scope="module")
def images(digits):
    return digits.images[::12].contiguous()


def finish(run_settings, images, folder):
    return list(dcgan.train(run_settings, images, folder, "data"))[-1]


def same_weights(a, b):
    pairs = [(a.generator, b.generator), (a.discriminator, b.discriminator)]
    return all(
        torch.equal(x, y)
        for one, two in pairs
        for x, y in zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_settings_same_bits_and_other_seed_other_bits(images, tmp_path, precision):
    one = finish(settings(precision=precision), images, tmp_path / "one")
    two = finish(settings(precision=precision), images, tmp_path / "two")
    other = finish(settings(precision=precision, seed=1), images, tmp_path / "one")
    assert same_weights(one, two) and not same_weights(one, other)


def test_an_interrupted_run_ends_with_the_same_bits(images, tmp_path):
    whole = finish(settings(), images, tmp_path / "whole")
    for run in dcgan.train(settings(), images, tmp_path / "broken", "data"):
        if len(run.history) == 1:
            break
    resumed = finish(settings(), images, tmp_path / "broken")
    assert same_weights(whole, resumed)
    assert [r["epoch"] for r in resumed.history] == [1, 2, 3]
    assert [r["loss_generator"] for r in resumed.history] == [r["loss_generator"] for r in whole.history]
    assert all(torch.equal(whole.snapshots[e], resumed.snapshots[e]) for e in range(4))


KILLED = """
import sys
from ganprune_utils.data import images
from ganprune_utils.training import dcgan
images = images.load("digits").images[::12].contiguous()
settings = dcgan.Settings(epochs=100000, **{small})
for run in dcgan.train(settings, images, sys.argv[1], "data"):
    print(len(run.history), flush=True)
"""


def test_a_killed_process_loses_at_most_the_epoch_it_was_in(images, tmp_path):
    command = [sys.executable, "-c", KILLED.format(small=SMALL), str(tmp_path / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while int(process.stdout.readline()) < 2:
        pass
    time.sleep(0.02)  # somewhere inside the next epoch
    process.send_signal(signal.SIGKILL)
    process.wait()
    epochs = len(next(dcgan.train(settings(100000), images, tmp_path / "killed", "data")).history)
    assert epochs >= 2
    resumed = finish(settings(epochs + 1), images, tmp_path / "killed")
    assert same_weights(resumed, finish(settings(epochs + 1), images, tmp_path / "whole"))


def test_other_settings_do_not_resume_and_do_not_destroy(images, tmp_path):
    finish(settings(2), images, tmp_path)
    finish(settings(1, lr_generator=1e-3), images, tmp_path)
    assert len(list(tmp_path.glob("checkpoint-*.pt"))) == 2
    assert len(next(dcgan.train(settings(2), images, tmp_path, "data")).history) == 2


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"foreign"])
def test_a_damaged_checkpoint_is_one_clear_line(images, tmp_path, damage):
    finish(settings(1), images, tmp_path)
    path = next(tmp_path.glob("checkpoint-*.pt"))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match="truncated or foreign; remove it to train anew") as error:
        finish(settings(2), images, tmp_path)
    assert "\n" not in str(error.value)


def test_loading_a_checkpoint_runs_no_code(images, tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("executed",))

    finish(settings(1), images, tmp_path)
    torch.save({"generator": Evil()}, next(tmp_path.glob("checkpoint-*.pt")))
    with pytest.raises(CheckpointError):
        finish(settings(2), images, tmp_path)


def test_training_learns(images, tmp_path):
    """After some epochs the samples' mean is nearer to the data's than at the start."""
    run = finish(settings(30, ngf=16, ndf=16, batch_size=8), images, tmp_path)
    target = images.double().mean(dim=0)
    start, end = ((run.snapshots[e].double().mean(dim=0) - target).square().mean().sqrt() for e in (0, 30))
    assert end < start / 2, (start, end)


def test_warnings_name_a_winning_discriminator_and_a_collapse():
    healthy = {"d_real": 0.7, "d_fake": 0.3, "diversity": 0.9}
    assert dcgan.warnings(healthy) == []
    assert "discriminator wins" in dcgan.warnings(healthy | {"d_real": 0.99, "d_fake": 0.01})[0]
    assert "collapse" in dcgan.warnings(healthy | {"diversity": 0.05})[0]


def test_a_discriminator_that_learns_much_faster_is_noticed(images, tmp_path):
    run = finish(settings(25, lr_discriminator=5e-3, lr_generator=1e-6, ndf=16), images, tmp_path)
    assert any("discriminator wins" in line for line in dcgan.warnings(run.history[-1]))
    assert any("collapse" in line for line in dcgan.warnings(run.history[-1]))


def test_pictures_that_are_all_the_same_are_one_line(tmp_path):
    same = torch.full((8, 1, 32, 32), 9, dtype=torch.uint8)
    with pytest.raises(
        DataError, match="^training images: all 8 are the same; a DCGAN has nothing to learn from them$"
    ):
        finish(settings(1), same, tmp_path)
    same[0, 0, 0, 0] += 1  # all but the same
    assert finish(settings(1), same, tmp_path).history[0]["diversity"] > 0
