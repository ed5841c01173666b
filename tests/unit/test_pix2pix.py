"""U-Net, paired tasks and their training."""

import copy

import pytest
import torch
from helpers import trained_like
from PIL import Image
from safetensors.torch import save

from ganprune_utils import pruning
from ganprune_utils.data import pairs as paired_tasks
from ganprune_utils.data.transforms import edges, grey, luma
from ganprune_utils.errors import CheckpointError, DataError, ParameterError
from ganprune_utils.metrics import cost
from ganprune_utils.models import checkpoints
from ganprune_utils.models.checkpoints import build
from ganprune_utils.models.unet import PatchDiscriminator, UNet
from ganprune_utils.training import pix2pix
from ganprune_utils.training.step import up_and_down
from tests.conftest import real_data

INPUTS = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_shapes_skips_and_sizes():
    assert UNet(1, 3, ngf=8, depth=8)(torch.randn(2, 1, 256, 256)).shape == (2, 3, 256, 256)
    network = UNet(1, 3, ngf=8, depth=5)
    assert network(INPUTS).shape == (4, 3, 32, 32)
    assert network.up["up4"].conv.in_channels == 64 + 64 and network.up["up1"].conv.in_channels == 8 + 8
    assert [name for name, block in network.up.items() if block.dropout.__class__.__name__ == "Dropout"] == [
        "up4", "up3",
    ]  # fmt: skip
    assert PatchDiscriminator(1, 3, 8)(INPUTS, torch.zeros(4, 3, 32, 32)).shape == (4, 1, 6, 6)


def test_the_study_size_is_as_stated():
    network = UNet(1, 3)
    assert cost.macs(network, INPUTS) == 85_721_088
    assert 63 < len(save(network.state_dict())) / 2**20 < 64


@torch.no_grad()
def test_the_skip_connection_carries_the_encoder():
    network = trained_like(UNet(1, 3, ngf=16))
    before = network(INPUTS)
    network.up["up1"].conv.weight[16:] = 0  # what comes from down1
    assert (network(INPUTS) - before).abs().max() > 1e-3


@torch.no_grad()
def test_pruned_unet_equals_the_zeroed_one_and_its_card_rebuilds_it():
    network = trained_like(UNet(1, 3, ngf=16))
    groups = pruning.filter_groups(network, INPUTS)
    assert [name.split(".")[1] for name in groups] == [
        *(f"down{k}" for k in range(1, 6)), *(f"up{k}" for k in range(5, 1, -1)),
    ]  # fmt: skip
    assert list(groups["down.down2.conv"].consumers) == ["down.down3.conv", "up.up2.conv"]
    chosen = pruning.filters_for(network, INPUTS, "activation", 0.5, "global", INPUTS)
    small = pruning.remove_filters(network, chosen, INPUTS)
    zeroed = pruning.zero_filters(copy.deepcopy(network), chosen, INPUTS)
    assert (small(INPUTS) - zeroed(INPUTS)).abs().max() < 1e-5
    again = build(small.config)
    again.load_state_dict(small.state_dict())
    assert torch.equal(again.eval()(INPUTS), small(INPUTS)) and "down" in small.config
    assert build(UNet(1, 3, ngf=16).config).config == UNet(1, 3, ngf=16).config


def test_grey_and_edges_by_hand():
    colours = torch.tensor([[255, 0, 0], [0, 255, 0], [10, 20, 30]], dtype=torch.uint8).view(3, 3, 1, 1)
    assert grey(colours).flatten().tolist() == [76, 150, round(2.99 + 11.74 + 3.42)]
    picture = torch.zeros(1, 1, 6, 6, dtype=torch.uint8)
    picture[..., 3:] = 33  # Sobel: 4 * 33 = 132 beside the step
    assert edges(picture)[0, 0, 0].tolist() == [0, 0, 255, 255, 0, 0]
    picture[..., 3:] = 32  # 128 is no more than the threshold
    assert not edges(picture).any()


def write_folder(folder, size=(64, 32), n=3):
    random = torch.Generator().manual_seed(0)
    for split in ("train", "test"):
        (folder / split).mkdir()
        for i in range(n):
            pixels = torch.randint(0, 256, (size[1], size[0], 3), generator=random, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(folder / split / f"{i}.png")
    return folder


def test_a_paired_folder_has_inputs_left_and_targets_right(tmp_path):
    data = paired_tasks.load("paired_folder", "train", write_folder(tmp_path))
    assert data.inputs.shape == data.targets.shape == (3, 3, 32, 32)
    whole = torch.tensor(list(Image.open(tmp_path / "train/1.png").convert("RGB").tobytes())).view(32, 64, 3)
    assert torch.equal(data.inputs[1].permute(1, 2, 0).int(), whole[:, :32].int())
    assert torch.equal(data.targets[1].permute(1, 2, 0).int(), whole[:, 32:].int())
    assert data.sha256 != paired_tasks.load("paired_folder", "test", tmp_path).sha256


def test_pairs_have_a_direction_that_their_titles_say(tmp_path):
    forth, back = (
        paired_tasks.load("paired_folder", "train", folder, direction=direction)
        for folder, direction in ((write_folder(tmp_path), "AtoB"), (tmp_path, "BtoA"))
    )
    assert torch.equal(forth.inputs, back.targets) and torch.equal(forth.targets, back.inputs)
    assert not torch.equal(forth.inputs, back.inputs) and forth.sha256 != back.sha256
    assert forth.titles == ("input (A, left half)", "target (B, right half)")
    assert back.some(2).titles == ("input (B, right half)", "target (A, left half)")
    assert paired_tasks.load("paired_folder", "train", tmp_path).sha256 == forth.sha256
    with pytest.raises(ParameterError, match="direction = 'B2A': unknown; allowed are AtoB, BtoA"):
        paired_tasks.load("paired_folder", "train", tmp_path, direction="B2A")
    with pytest.raises(ParameterError, match="direction = 'BtoA': only task paired_folder has one"):
        paired_tasks.load("edges_digits", "train", direction="BtoA")


def test_pairs_are_of_pictures_of_every_kind(tmp_path):
    """16 bits are scaled, and transparent, grey and hidden files are what they are among pictures of a class."""
    write_folder(tmp_path)
    (tmp_path / "train").rename(tmp_path / "TRAIN")
    (tmp_path / "test").rename(tmp_path / "val")
    ramp = torch.linspace(0, 65535, 64).to(torch.uint16).expand(32, -1)
    Image.fromarray(ramp.contiguous().numpy()).save(tmp_path / "TRAIN/3.png")
    Image.new("LA", (64, 32)).save(tmp_path / "TRAIN/4.png")
    (tmp_path / "TRAIN/._0.png").write_bytes(b"no picture")
    data = paired_tasks.load("paired_folder", "train", tmp_path)
    assert data.inputs.shape == (5, 3, 32, 32) and (data.targets[4] == 255).all()
    assert data.inputs[3, :, 0].eq(ramp[0, :32].int() // 257).all() and data.targets[3].max() == 255
    assert data.notes == (
        "val is taken for test",
        "1 left out, hidden or no pictures: ._0.png",
        "1 of A of one colour, or nearly: 4.png",
        "1 of B of one colour, or nearly: 4.png",
    )
    assert data.some(3).notes == data.notes
    assert len(paired_tasks.load("paired_folder", "test", tmp_path)) == 3


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pairs").mkdir()
    write_folder(tmp_path / "pairs")
    assert len(paired_tasks.load("paired_folder", "train", "~/pairs")) == 3


@pytest.mark.parametrize(
    "prepare, words",
    [
        (
            lambda folder: write_folder(folder, (96, 32)),
            "pictures of 48x32; a U-Net of depth 5 needs sides divisible by 32",
        ),
        (lambda folder: write_folder(folder, (63, 32)), "pictures are 63 wide"),
        (lambda folder: None, "has no folder train"),
        (lambda folder: (folder / "train").mkdir(), "has no pictures"),
        (lambda folder: (write_folder(folder) / "train/0.png").write_bytes(b"no"), "0.png is no readable picture"),
        (
            lambda folder: Image.new("RGB", (64, 64)).save(write_folder(folder) / "train/9.png"),
            "9.png is 64x64, the first",
        ),
    ],
)
def test_a_bad_folder_is_one_clear_line(tmp_path, prepare, words):
    prepare(tmp_path)
    with pytest.raises(DataError) as error:
        paired_tasks.load("paired_folder", "train", tmp_path)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("sketch",), "task = 'sketch': unknown; allowed are edges, colour, edges_digits, faces, paired_folder"),
        (("colour", "validation"), "split = 'validation': unknown"),
        (("paired_folder",), "task paired_folder needs one"),
        (("edges", "train", "here"), "the others take none"),
    ],
)
def test_bad_names_are_one_clear_line(arguments, words):
    with pytest.raises(ParameterError, match=words):
        paired_tasks.load(*arguments)


@pytest.mark.skipif(not real_data("fashion_mnist"), reason="GANPRUNE_DATA has no Fashion-MNIST")
def test_edges_of_the_real_data():
    data = paired_tasks.load("edges", "test")
    assert data.inputs.shape == data.targets.shape == (10_000, 1, 32, 32)
    assert set(data.inputs.unique().tolist()) == {0, 255}
    assert 0.15 < (data.inputs > 0).float().mean() < 0.5


SMALL = dict(ngf=16, ndf=16, batch_size=8, threads=1, lr_generator=1e-3)


@pytest.fixture(scope="module")
def small_task(digits):
    targets = digits.images[::30].contiguous()
    return paired_tasks.Pairs("edges", "train", edges(targets), targets, "digits")


def last(settings, task, folder):
    return list(pix2pix.train(settings, task, folder))[-1]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_interrupted_training_ends_with_the_same_bits(small_task, tmp_path, precision):
    settings = pix2pix.Settings(epochs=3, precision=precision, **SMALL)
    whole = last(settings, small_task, tmp_path / "whole")
    for run in pix2pix.train(settings, small_task, tmp_path / "broken"):
        if len(run.history) == 1:
            break
    resumed = last(settings, small_task, tmp_path / "broken")
    pairs = zip(whole.generator.state_dict().values(), resumed.generator.state_dict().values(), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)
    assert [r["l1"] for r in whole.history] == [r["l1"] for r in resumed.history]


def test_a_run_of_fewer_epochs_than_are_there_is_an_error(small_task, tmp_path):
    last(pix2pix.Settings(epochs=2, **SMALL), small_task, tmp_path)
    with pytest.raises(ParameterError, match="epochs = 1: .* holds 2 epochs of this run already"):
        last(pix2pix.Settings(epochs=1, **SMALL), small_task, tmp_path)


@pytest.mark.slow
def test_training_brings_the_picture_nearer(small_task, tmp_path):
    history = last(pix2pix.Settings(epochs=8, **SMALL), small_task, tmp_path).history
    assert history[-1]["l1"] < 0.6 * history[0]["l1"]


def test_weights_and_card_come_back(small_task, tmp_path):
    run = last(pix2pix.Settings(epochs=1, **SMALL), small_task, tmp_path)
    card = pix2pix.card(run, small_task, {"seed": 0})
    for name in ("generator", "discriminator"):
        checkpoints.save_network(getattr(run, name), tmp_path / f"{name}.safetensors", card)
    again = checkpoints.load_network(tmp_path, "generator", channels=1)
    assert torch.allclose(again(INPUTS), run.generator.eval()(INPUTS), atol=1e-5)  # another memory layout
    with pytest.raises(CheckpointError, match="made for 1 channels"):
        checkpoints.load_network(tmp_path, "discriminator", channels=3)


def test_finetuning_goes_on_from_what_it_is_given_and_leaves_it_alone(small_task, tmp_path):
    settings = pix2pix.Settings(epochs=1, **SMALL)
    run = last(settings, small_task, tmp_path)
    before = {name: tensor.clone() for name, tensor in run.generator.state_dict().items()}
    tuned, again = (pix2pix.finetune(settings, run.generator, run.discriminator, small_task, 9) for _ in range(2))
    assert all(torch.equal(before[name], tensor) for name, tensor in run.generator.state_dict().items())
    assert tuned.history[0]["l1"] < run.history[0]["l1"]
    pairs = zip(tuned.generator.state_dict().values(), again.generator.state_dict().values(), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)
    with pytest.raises(ParameterError, match="steps = 0"):
        pix2pix.finetune(settings, run.generator, run.discriminator, small_task, 0)


def test_the_rate_of_a_finetuning_rises_and_falls(small_task, monkeypatch):
    rates, networks = [], (UNet(1, 1, ngf=2), PatchDiscriminator(1, 1, 2))
    shares = up_and_down(20)
    assert shares == pytest.approx([0.5, *(k / 19 for k in range(19, 0, -1))]) and up_and_down(1) == [1]
    step = pix2pix.step
    monkeypatch.setattr(pix2pix, "step", lambda *given: rates.append(rates_of(given[2])) or step(*given))
    pix2pix.finetune(pix2pix.Settings(epochs=1, **SMALL), *networks, small_task, 20)
    assert rates == [(pytest.approx(1e-3 * share), pytest.approx(2e-4 * share)) for share in shares]


def test_the_rate_falls_in_the_last_epochs_and_a_run_of_another_length_is_another(small_task, tmp_path, monkeypatch):
    rates = []
    monkeypatch.setattr(
        pix2pix, "train_on", lambda settings, run, optimizers, *_: rates.append(rates_of(optimizers)) or {"l1": 0.0}
    )
    settings = pix2pix.Settings(epochs=5, decay_epochs=3, lr_discriminator=4e-3, **SMALL)
    last(settings, small_task, tmp_path)
    assert rates == [(pytest.approx(1e-3 * share), pytest.approx(4e-3 * share)) for share in (1, 1, 0.75, 0.5, 0.25)]
    # The part before is the same for both lengths, what follows is not: each has a state of its own.
    last(pix2pix.Settings(epochs=6, decay_epochs=3, lr_discriminator=4e-3, **SMALL), small_task, tmp_path)
    assert len(rates) == 11 and len(list(tmp_path.glob("checkpoint-*.pt"))) == 2


def test_training_without_dead_weights_gives_what_training_with_them_gives(small_task, tmp_path, monkeypatch):
    settings = pix2pix.Settings(epochs=1, **SMALL)
    live = last(settings, small_task, tmp_path / "live").generator.eval()
    monkeypatch.setattr(pix2pix, "without_dead_weights", lambda network, size: network)
    whole = last(settings, small_task, tmp_path / "whole").generator.eval()
    assert live.pixel and not whole.pixel
    with torch.no_grad():
        assert torch.allclose(live(INPUTS), whole(INPUTS), atol=1e-3)


def rates_of(optimizers):
    return tuple(optimizers[name].param_groups[0]["lr"] for name in ("generator", "discriminator"))


@torch.no_grad()
def test_what_keeps_the_luma_has_that_of_its_input_and_is_pruned_and_rebuilt_like_any_other():
    network = trained_like(UNet(1, 3, ngf=16, keeps_luma=True))
    made = network(INPUTS)
    assert torch.allclose(luma(made), INPUTS, atol=1e-5) and made.std(1).max() > 0.01
    chosen = pruning.filters_for(network, INPUTS, "l2", 0.5)
    small = pruning.remove_filters(network, chosen, INPUTS)
    assert torch.allclose(luma(small(INPUTS)), INPUTS, atol=1e-5)
    again = build(small.config)
    again.load_state_dict(small.state_dict())
    assert torch.equal(again.eval()(INPUTS), small(INPUTS))
    with pytest.raises(CheckpointError, match="keeps_luma needs 1 channel in and 3 out, not 1 and 1"):
        build({"architecture": "unet_generator", "inputs": 1, "outputs": 1, "keeps_luma": True})


def test_augmenting_changes_the_training_and_its_state_has_another_name(small_task, tmp_path):
    plain, other = (pix2pix.Settings(epochs=1, augment=augment, **SMALL) for augment in (False, True))
    assert last(plain, small_task, tmp_path).history[0]["l1"] != last(other, small_task, tmp_path).history[0]["l1"]
    assert len(list(tmp_path.glob("checkpoint-*.pt"))) == 2


def test_augmentation_treats_both_pictures_of_a_pair_alike(digits, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(pix2pix, "step", lambda settings, run, optimizers, *pair: seen.append(pair) or torch.zeros(5))
    pictures = digits.images[:64]
    pairs = paired_tasks.Pairs("edges", "train", pictures, pictures, "the same twice")
    last(pix2pix.Settings(epochs=1, augment=True, **SMALL), pairs, tmp_path)
    assert all(torch.equal(given, wanted) for given, wanted in seen)
    known = {str(picture.tolist()) for picture in (pictures.float() / 127.5 - 1)}
    strange = sum(str(picture.tolist()) not in known for given, _ in seen for picture in given)
    assert strange > 32
