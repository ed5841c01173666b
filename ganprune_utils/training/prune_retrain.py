"""Prune, train, retrain: a trained pair is pruned at the start of some rounds and trained in all of them.

The configurations of a comparison have the same number of rounds and of steps a round, so that they differ in when and
what they prune, and in nothing else; one that is rewound has all rounds from there. One-shot prunes in the first round;
iterative in the first r rounds, and trains on; the control never prunes. What two configurations have in common at the
beginning is trained once.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from ganprune_utils.artifacts import reading_state, write_state
from ganprune_utils.data.transforms import to_model_range
from ganprune_utils.errors import ParameterError, StudyError
from ganprune_utils.models.checkpoints import build
from ganprune_utils.models.dcgan import init_weights
from ganprune_utils.models.sampling import NOISE_SEEDS, draw_noise
from ganprune_utils.models.state import effective_weight
from ganprune_utils.parameters import NETWORKS, check_criterion
from ganprune_utils.provenance import fingerprint
from ganprune_utils.pruning.compression import check_compression, filters_at, masks_at, size
from ganprune_utils.pruning.masks import apply_masks
from ganprune_utils.pruning.removal import remove_filters
from ganprune_utils.training import precision
from ganprune_utils.training.balance import balance_ratio, discriminator_means
from ganprune_utils.training.deterministic import make_deterministic, pick_device
from ganprune_utils.training.step import NAMES, adam, adversarial_step

BALANCE_EVERY = 10  # steps: the ratio needs two further passes through both networks
N_CALIBRATION = 500  # noise vectors or images whose activations a criterion looks at
_COUNTED: set[Path] = set()  # states of the rounds that this process computed, or has found done already


@dataclass(frozen=True)
class Settings:
    """Everything that decides the retrained weights, but for the pair and the data.

    `schedule` has an entry a round: the compression (dense over remaining parameters) to prune to at its start, or
    None. `granularity` is "unstructured" (masks) or "structured" (filters); `pruned_network` "generator" or "both" (the
    discriminator to the same compression). With `rewind` both networks go back, after each pruning, to what is left of
    the weights that the first round began with: what was learnt until then only says what to prune. `distillation` is
    the weight of the mean absolute difference from the images that the generator of the beginning makes of the same
    noise, in evaluation mode; it is added to the adversarial loss.
    """

    schedule: tuple
    steps: int
    granularity: str = "unstructured"
    criterion: str = "magnitude"
    pruned_network: str = "generator"
    rewind: bool = False
    distillation: float = 0.0
    lr_generator: float = 3e-4
    lr_discriminator: float = 1e-4
    beta1: float = 0.5
    beta2: float = 0.999
    batch_size: int = 128
    precision: str = "float32"
    threads: int = 2
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self):
        if self.pruned_network not in ("generator", "both"):
            raise ParameterError(f"pruned_network = {self.pruned_network!r}: must be one of generator, both")
        check_criterion(self.granularity, self.criterion)
        if not self.schedule or self.steps < 1:
            raise ParameterError("schedule: needs at least one round of at least one step")
        targets = [check_compression(target) for target in self.schedule if target is not None]
        if targets != sorted(targets):
            raise ParameterError(f"schedule: compressions must not fall from round to round, got {targets}")

    def fingerprint(self, rounds: int, start: str) -> str:
        """Identifies the first `rounds` rounds from a start, whatever comes after them."""
        decided = asdict(self) | {"schedule": list(self.schedule[:rounds]), "start": start}
        decided["device"] = pick_device(self.device).type
        if not any(decided["schedule"]):  # nothing pruned: how does not matter
            decided |= dict.fromkeys(("granularity", "criterion", "pruned_network", "rewind"))
        return fingerprint(__name__, **decided)


def one_shot(compression: float, rounds: int) -> tuple:
    """Prune at the start, then train."""
    return (compression, *[None] * (rounds - 1))


def iterative(compression: float, rounds: int, keep: float = 0.8, rewind: bool = False) -> tuple:
    """Keep the share `keep` of the parameters a round, the last step to the compression itself; then train.

    0.8 is the 20 % a round of Chen et al. (2021). A network that is rewound begins anew after its last pruning: it then
    gets as many rounds as the others have in all.

    Raises ParameterError where the compression takes more than `rounds` rounds.
    """
    needed = round(math.log(check_compression(compression)) / -math.log(keep))
    if needed > rounds:
        raise ParameterError(f"compression = {compression:g}: takes {needed} rounds at {keep:g} a round, of {rounds}")
    if needed == 0:
        return (None,) * rounds
    pruned = [*(keep**-i for i in range(1, needed)), compression]
    return (*pruned, *[None] * (rounds - 1 if rewind else rounds - needed))


def check_folder(folder, parameters: dict) -> None:
    """Raise ParameterError where `folder` has the weights of a finished run with other parameters of notebook 8."""
    path = Path(folder) / "manifest.json"
    before = json.loads(path.read_text("utf-8"))["parameters"] if path.is_file() else parameters
    for name in sorted(parameters.keys() - {"output", "states", "threads"}):
        if before.get(name) != parameters[name]:
            other = f"a run with {name} = {before.get(name)!r}, not {parameters[name]!r}"
            raise ParameterError(f"{path.parent}: holds the weights of {other}; choose another output folder")


@dataclass
class Pair:
    """The two networks as they are now, and `start`: copies pruned alike, with the weights of the beginning.

    `resumed`: seconds of the rounds that an earlier process had computed. Where several pairs begin alike, the rounds
    that they share count for the first of them only, so that the sum over pairs counts each once.
    """

    generator: nn.Module
    discriminator: nn.Module
    start: dict[str, nn.Module]
    history: list[dict]
    resumed: float = 0.0

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}


def retrain(
    settings: Settings,
    load: Callable[[], tuple[nn.Module, nn.Module]],
    images: torch.Tensor,
    folder,
    identity: str,
    measure: Callable[[nn.Module], dict] = lambda generator: {},
) -> Iterator[Pair]:
    """Run the schedule, yielding the pair after each round, its record the last of `history`.

    After every round the whole state goes to `folder`. A run that was killed, or one that begins as another did, goes
    on from the last round that is there. States in the middle of training on, where no other run can branch off, are
    removed once the next one is there.

    Args:
        load: gives the dense pair (generator, discriminator) anew at each call.
        images: uint8 (N, C, 32, 32), the training images.
        identity: what the pair, the images and `measure` are, for the names of the states: two that differ never mix.
        measure: what to note of the generator after each round.
    """
    make_deterministic(settings.threads)
    paths = [Path(folder) / f"{settings.fingerprint(i, identity)}.pt" for i in range(len(settings.schedule) + 1)]
    done = max((i for i in range(1, len(paths)) if paths[i].is_file()), default=0)
    random = torch.Generator().manual_seed(settings.seed)
    pair, optimizers = Pair(*load(), dict(zip(NETWORKS, load(), strict=True)), []), {}
    dense_size = {name: size(network) for name, network in pair.networks().items()}
    device = pick_device(settings.device)
    layout = {"device": device, "memory_format": torch.channels_last}
    teacher = load()[0].eval().to(**layout) if settings.distillation else None
    on_device = images.to(device)
    if done:
        pair, optimizers = _restore(paths[done], settings, random)
        rounds = zip(paths[1 : done + 1], pair.history, strict=True)
        pair.resumed = sum(record["seconds"] for path, record in rounds if path not in _COUNTED)
        _COUNTED.update(paths[1 : done + 1])
        yield pair
    for number, target in list(enumerate(settings.schedule, start=1))[done:]:
        begin = time.perf_counter()
        if target is not None:
            _prune(pair, settings, target, dense_size, images, number)
        if target is not None or not optimizers:
            # Momentum of a network that stays as it is goes on.
            both = not optimizers or settings.pruned_network == "both" or settings.rewind
            anew = _optimizers(pair, settings)
            optimizers |= anew if both else {"generator": anew["generator"]}
        record = _one_round(pair, settings, optimizers, on_device, random, teacher)
        pair.generator.eval()
        record |= {"round": number, "steps": number * settings.steps, "target": target}
        for name, column in zip(NETWORKS, ("compression", "compression_discriminator"), strict=True):
            record[column] = _compression(pair.networks()[name], dense_size[name])
        pruned = max((i for i, target in enumerate(settings.schedule[:number]) if target is not None), default=0)
        record["steps_since_pruning"] = (number - pruned) * settings.steps
        record |= {"seconds": time.perf_counter() - begin, **measure(pair.generator)}
        pair.history.append(record)
        _save(paths[number], pair, optimizers, random)
        _COUNTED.add(paths[number])
        if target is None:
            paths[number - 1].unlink(missing_ok=True)
        yield pair


def _prune(pair: Pair, settings: Settings, target: float, dense_size: dict, images, number: int) -> None:
    for network in pair.networks().values():
        network.cpu()  # where scores and random choices have the same bits on every machine
    for name in NETWORKS if settings.pruned_network == "both" else ("generator",):
        network, start = pair.networks()[name], pair.start[name]
        if name == "generator":
            inputs = draw_noise(N_CALIBRATION, network.latent_dim, NOISE_SEEDS["validation"])
        else:
            inputs = to_model_range(images[:: max(1, len(images) // N_CALIBRATION)][:N_CALIBRATION])
        if settings.granularity == "unstructured":
            masks = masks_at(network, target, settings.criterion, inputs, settings.seed)
            apply_masks(network, masks)
            apply_masks(start, masks)
        else:
            # Another draw each round: filters change their numbers once some are gone.
            seed = settings.seed + 1000 * number
            partner = pair.discriminator.eval() if name == "generator" else None
            removed = filters_at(network.eval(), dense_size[name] / target, settings.criterion, inputs, seed, partner)
            setattr(pair, name, remove_filters(network, removed, inputs[:2]))
            pair.start[name] = remove_filters(start, removed, inputs[:2])
    if settings.rewind:
        for name, network in pair.networks().items():
            network.load_state_dict(pair.start[name].state_dict())


def _optimizers(pair: Pair, settings: Settings) -> dict:
    for network in pair.networks().values():
        network.to(pick_device(settings.device), memory_format=torch.channels_last).train()
    return adam(pair.generator, pair.discriminator, settings)


def _one_round(pair: Pair, settings: Settings, optimizers, images, random, teacher: nn.Module | None) -> dict:
    """`settings.steps` training steps on batches in a fresh order; means over the round."""
    generator, discriminator = networks = pair.generator.train(), pair.discriminator.train()
    device = images.device
    autocast = partial(precision.autocast, settings.precision, device.type)
    masked = [layer for network in networks for layer in network.modules() if hasattr(layer, "weight_mask")]
    dead = [(layer, layer.weight_mask == 0) for layer in masked]
    names, samples = NAMES if teacher is None else (*NAMES, "distance"), []
    sums, target = torch.zeros(len(names), dtype=torch.float64, device=device), None
    for step, chosen in enumerate(_batches(len(images), settings, random)):
        real = to_model_range(images[chosen.to(device)]).contiguous(memory_format=torch.channels_last)
        noise = torch.randn(len(chosen), generator.latent_dim, 1, 1, generator=random).to(device)
        if teacher is not None:
            with torch.no_grad(), autocast():
                target = teacher(noise).float()
        given = (generator, discriminator, optimizers, real, noise, autocast)
        batch = adversarial_step(*given, target, settings.distillation)
        sums += batch.double()
        if step % BALANCE_EVERY == 0:
            d_real, d_after = discriminator_means(generator, discriminator, noise, real, autocast)
            samples.append((d_real, batch[NAMES.index("d_fake_after")].item(), d_after))
        for layer, mask in dead:
            # What the step used, and what the next one will use.
            if torch.count_nonzero(layer.weight[mask]) or torch.count_nonzero(effective_weight(layer)[mask]):
                raise StudyError("a pruned weight came back to life")
    means = dict(zip(names, (sums / settings.steps).tolist(), strict=True))
    return means | {"balance": balance_ratio(samples)}


def _batches(n: int, settings: Settings, random) -> Iterator[torch.Tensor]:
    order = torch.empty(0, dtype=torch.long)
    size = min(settings.batch_size, n)
    for _ in range(settings.steps):
        if len(order) < size:
            order = torch.randperm(n, generator=random)
        chosen, order = order[:size], order[size:]
        yield chosen


def _compression(network: nn.Module, dense_size: int) -> float:
    """Dense parameters over those that are left."""
    masks = [buffer for name, buffer in network.named_buffers() if name.endswith("weight_mask")]
    return dense_size / (size(network) - sum(int((mask == 0).sum()) for mask in masks))


def _save(path: Path, pair: Pair, optimizers, random) -> None:
    networks = pair.networks() | {f"start {name}": network for name, network in pair.start.items()}
    state = {"networks": {name: {"config": n.config, "state": n.state_dict()} for name, n in networks.items()}}
    state |= {"optimizers": {name: optimizer.state_dict() for name, optimizer in optimizers.items()}}
    write_state(path, state | {"random": random.get_state(), "history": pair.history})


def _restore(path: Path, settings: Settings, random) -> tuple[Pair, dict]:
    with reading_state(path) as state:
        networks = {name: _rebuild(**saved) for name, saved in state["networks"].items()}
        start = {name: networks.pop(f"start {name}") for name in NETWORKS}
        pair = Pair(**networks, start=start, history=state["history"])
        optimizers = _optimizers(pair, settings)
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        random.set_state(state["random"])
        return pair, optimizers


def _rebuild(config: dict, state: dict) -> nn.Module:
    network = build(config)
    masks = {name.removesuffix(".weight_mask"): m.bool() for name, m in state.items() if name.endswith(".weight_mask")}
    apply_masks(network, masks)
    network.load_state_dict(state)
    return network


def small_dense_pair(generator: nn.Module, discriminator: nn.Module, compression: float, seed: int) -> tuple:
    """A new pair to train from scratch: a generator as wide as `generator` is after structured pruning to
    `compression`, and a discriminator like the dense one."""
    inputs = draw_noise(N_CALIBRATION, generator.latent_dim, NOISE_SEEDS["validation"])
    removed = filters_at(generator, size(generator) / compression, "magnitude", inputs)
    pair = build(remove_filters(generator, removed, inputs[:2]).config), build(discriminator.config)
    random = torch.Generator().manual_seed(seed)
    for network in pair:
        init_weights(network, random)
    return pair
