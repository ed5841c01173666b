import errno
import json
import resource
import signal

import pytest
import torch
from safetensors.torch import save_file

from ganprune_utils import artifacts, provenance
from ganprune_utils.errors import CheckpointError, ParameterError, StudyError
from ganprune_utils.models import checkpoints
from ganprune_utils.models.dcgan import Discriminator, Generator


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = artifacts.write_atomic(tmp_path / "a.txt", "old")

    def fail(temporary):
        temporary.write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        artifacts.replace_atomic(path, fail)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    artifacts.write_atomic(path, "new")
    assert path.read_text() == "new"


def test_an_output_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ParameterError, match="output folder .*file/sub: cannot be written"):
        artifacts.output_folder(tmp_path / "file" / "sub")


WRITES = {
    "text": lambda path: artifacts.write_atomic(path, "x" * 10_000),
    "weights": lambda path: artifacts.write_weights(path, {"x": torch.zeros(10_000)}),
    "state": lambda path: artifacts.write_state(path, {"x": torch.zeros(10_000)}),
}


@pytest.fixture
def full_disk(monkeypatch):
    """A limit to the size of files stands in for the disk."""
    monkeypatch.setattr(errno, "ENOSPC", errno.EFBIG)  # what the limit gives
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_full_disk_is_one_line_and_loses_nothing(write, tmp_path, full_disk):
    path = artifacts.write_atomic(tmp_path / "a", "old")
    with pytest.raises(StudyError) as error:
        write(path)
    told = f"{path}: cannot be written, the disk is full; make room and start again: what was finished is kept"
    assert str(error.value) == told
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_on_a_full_disk_no_work_is_begun(tmp_path, full_disk):
    told = f"^output folder {tmp_path}: cannot be written .the disk is full; make room.$"
    with pytest.raises(ParameterError, match=told):
        artifacts.output_folder(tmp_path)


@pytest.fixture
def pair(tmp_path):
    for name, network in (("generator", Generator(4, 2)), ("discriminator", Discriminator(2))):
        checkpoints.save_network(network, tmp_path / f"{name}.safetensors", {"seed": 0})
    return tmp_path


def test_weights_and_card_make_the_network_again(pair):
    generator = checkpoints.load_network(pair, "generator", channels=1)
    assert not generator.training and generator.config["ngf"] == 2
    card = checkpoints.read_card(pair / "generator.safetensors")
    assert card["weights_sha256"] == artifacts.file_sha256(pair / "generator.safetensors")


def test_manifest_says_how_to_get_the_numbers_again(tmp_path):
    provenance.write_manifest(tmp_path, parameters={"a": 1}, seed=3, data_sha256="x", seconds=1.23)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {"parameters", "seed", "data_sha256", "code_version", "versions", "machine", "seconds"} <= manifest.keys()
    assert manifest["versions"]["torch"] == torch.__version__.split("+")[0]


def test_missing_truncated_and_foreign_checkpoints(pair, tmp_path):
    path = pair / "generator.safetensors"
    with pytest.raises(CheckpointError, match="no such folder; allowed are 'pretrained'"):
        checkpoints.find("digits", 0, str(tmp_path / "missing"))
    with pytest.raises(CheckpointError, match="made for 1 channels, the data set has 3"):
        checkpoints.load_network(pair, "generator", channels=3)
    with pytest.raises(CheckpointError, match="a generator is needed"):
        path.with_suffix(".json").write_text((pair / "discriminator.json").read_text())
        checkpoints.load_network(pair, "generator")
    checkpoints.save_network(Generator(4, 2), path, {})
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(CheckpointError, match="truncated, or not a safetensors file"):
        checkpoints.load_network(pair, "generator")
    save_file(Generator(4, 3).state_dict(), path)
    with pytest.raises(CheckpointError, match="belongs to another network; layers.bn1.bias has shape"):
        checkpoints.load_network(pair, "generator")
    save_file(Generator(4, 2).state_dict(), path)
    with pytest.raises(CheckpointError, match="SHA-256 is not the one in its card"):
        checkpoints.load_network(pair, "generator")
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(CheckpointError, match="is not a card"):
        checkpoints.load_network(pair, "generator")
    path.with_suffix(".json").unlink()
    with pytest.raises(CheckpointError, match="its card generator.json is missing"):
        checkpoints.load_network(pair, "generator")
    path.unlink()
    with pytest.raises(CheckpointError, match="no such file"):
        checkpoints.load_network(pair, "generator")


def test_a_network_that_is_not_pretrained_names_those_that_are():
    with pytest.raises(CheckpointError, match="is not pretrained; these are: .*fashion_mnist/seed0"):
        checkpoints.load_generator("fashion_mnist", seed=99)


def test_what_is_read_is_never_written_over(pair):
    with pytest.raises(ParameterError, match="holds the trained weights that are read"):
        artifacts.output_folder(pair, sources=[pair])
    with pytest.raises(ParameterError, match="holds the trained weights"):
        artifacts.output_folder(artifacts.pretrained_root() / "fashion_mnist" / "seed0")


def test_a_checkpoint_of_other_data_or_seed_is_refused():
    folder = str(artifacts.pretrained_root() / "fashion_mnist" / "seed0")
    assert checkpoints.find("fashion_mnist", 0, folder).is_dir()
    with pytest.raises(CheckpointError, match="was trained with dataset = fashion_mnist, not digits"):
        checkpoints.find("digits", 0, folder)
    with pytest.raises(CheckpointError, match="was trained with seed = 0, not 3"):
        checkpoints.find("fashion_mnist", 3, folder)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    generator = Generator(4, 2)
    with torch.no_grad():
        generator.layers.convt1.weight[0] = float("nan")
    checkpoints.save_network(generator, tmp_path / "generator.safetensors", {})
    with pytest.raises(CheckpointError, match="layers.convt1.weight has NaN"):
        checkpoints.load_network(tmp_path, "generator")
