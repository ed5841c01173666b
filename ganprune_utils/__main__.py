"""The command line: `python -m ganprune_utils export --help`."""

import argparse
import sys

from ganprune_utils import checkpoints, pruning
from ganprune_utils.errors import StudyError
from ganprune_utils.export import export
from ganprune_utils.metrics import cost
from ganprune_utils.models.sampling import NOISE_SEEDS, draw_noise
from ganprune_utils.pruning.filters import CRITERIA, SCOPES


def main(arguments=None) -> int:
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except (StudyError, ValueError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m ganprune_utils", description="What pruning does to a GAN.")
    commands = whole.add_subparsers(dest="command", required=True)
    one = commands.add_parser(
        "export",
        help="remove filters of a trained generator and write it as safetensors and ONNX",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    one.add_argument("output", help="folder to write; it must not exist yet")
    one.add_argument("--dataset", default="fashion_mnist", help="what the generator was trained on")
    one.add_argument("--seed", type=int, default=0, help="of the trained pair")
    one.add_argument("--checkpoint", default="shipped", help="shipped, or the folder of a run")
    one.add_argument("--criterion", default="l2", choices=CRITERIA, help="which filters go")
    one.add_argument("--scope", default="uniform", choices=SCOPES, help="share of each layer, or of all together")
    one.add_argument("--ratio", type=float, default=0.0, help="share of the filters in [0, 1); 0: none")
    one.add_argument("--no-recalibration", action="store_true", help="keep the BatchNorm statistics as they are")
    one.set_defaults(run=run_export)
    return whole


def run_export(options) -> int:
    folder = checkpoints.find(options.dataset, options.seed, options.checkpoint)
    whole = checkpoints.load_part(folder, "generator")
    card = checkpoints.read_card(folder / "generator.safetensors")
    dense = whole
    if "retrained" in card:  # it was pruned before: what is saved is told against the generator it came from
        dense = checkpoints.load_part(checkpoints.find(card["dataset"], card["seed"]), "generator")
    noise = draw_noise(1000, whole.latent_dim, NOISE_SEEDS["recalibrate"])
    example = noise[:2]
    removed = pruning.filters_for(whole, example, options.criterion, options.ratio, options.scope, noise, options.seed)
    small = pruning.remove_filters(whole, removed, example)
    # What was retrained is measured recalibrated, so it is taken home like that.
    recalibrated = (options.ratio > 0 or "retrained" in card) and not options.no_recalibration
    if recalibrated:
        pruning.recalibrate_batchnorm(small, noise)
    kept = {name: card[name] for name in ("dataset", "data", "seed", "retrained") if name in card}
    pruned = {name: getattr(options, name) for name in ("criterion", "scope", "ratio")} | {"recalibrated": recalibrated}
    before, after = size(dense, example), size(small, example)
    card = {**kept, "source_sha256": card.get("weights_sha256"), "pruned": pruned, **after}
    found = export(small, options.output, noise[:16], card)
    print(f"{options.output}: parity with ONNX Runtime {found['parity']:.1e}")
    for name, value in after.items():
        print(f"  {name}: {value:,} of {before[name]:,} ({before[name] / value:.1f} times fewer)")
    for name, size_on_disk in found["bytes"].items():
        print(f"  {name}: {size_on_disk:,} bytes")
    return 0


def size(model, example) -> dict[str, int]:
    return {"parameters": cost.parameters(model)["parameters"], "macs": cost.macs(model, example)}


if __name__ == "__main__":
    sys.exit(main())
