"""The command line: `python -m ganprune_utils export --help`."""

import argparse
import sys
import time
from pathlib import Path

from ganprune_utils import pruning
from ganprune_utils.analysis import published
from ganprune_utils.artifacts import resolve
from ganprune_utils.data import grid
from ganprune_utils.errors import CheckpointError, StudyError
from ganprune_utils.export.onnx import export
from ganprune_utils.models import checkpoints
from ganprune_utils.models.sampling import recalibration_noise
from ganprune_utils.pruning.at_cost import costs
from ganprune_utils.pruning.importance import FILTER_CRITERIA, SCOPES


def main(arguments=None) -> int:
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except (StudyError, ValueError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    program = argparse.ArgumentParser(prog="python -m ganprune_utils", description="What pruning does to a GAN.")
    commands = program.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "export",
        help="remove filters of a trained generator and write it as safetensors and ONNX",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.add_argument("output", help="folder to write; it must not exist yet")
    command.add_argument("--dataset", default="fashion_mnist", help="what the generator was trained on")
    command.add_argument("--seed", type=int, default=0, help="of the trained pair")
    command.add_argument("--checkpoint", default="pretrained", help="pretrained, or the folder of a run")
    command.add_argument("--criterion", default="l2", choices=FILTER_CRITERIA, help="which filters go")
    command.add_argument("--scope", default="uniform", choices=SCOPES, help="share of each layer, or of all together")
    command.add_argument("--ratio", type=float, default=0.0, help="share of the filters in [0, 1); 0: none")
    command.add_argument("--no-recalibration", action="store_true", help="keep the BatchNorm statistics as they are")
    command.set_defaults(run=run_export)
    command = commands.add_parser("check", help="compute the published numbers whose weights ship once more: minutes")
    command.add_argument("--minutes", type=float, default=10, help="when to stop, seed 0 being first (default: 10)")
    command.set_defaults(run=run_check)
    command = commands.add_parser("grid", help="crop the faces of GRID's own files to what the study reads")
    command.add_argument("folder", help="with <speaker>/<clip>.mpg, as the corpus has them")
    command.add_argument("--output", default="data/grid", help="folder to write (default: data/grid)")
    command.set_defaults(run=run_grid)
    return program


def run_export(options) -> int:
    if options.checkpoint != "pretrained":
        _check_is_dcgan(resolve(options.checkpoint))
    folder = checkpoints.find(options.dataset, options.seed, options.checkpoint)
    _check_is_dcgan(folder)
    trained = checkpoints.load_network(folder, "generator")
    card = checkpoints.read_card(folder / "generator.safetensors")
    # What was pruned before is told against the generator that it came from.
    dense = checkpoints.load_generator(card["dataset"], card["seed"]) if "retrained" in card else trained
    noise = recalibration_noise(trained.latent_dim)
    example = noise[:2]
    chosen = {name: getattr(options, name) for name in ("criterion", "scope", "ratio")}
    removed = pruning.filters_for(trained, example, **chosen, inputs=noise, seed=options.seed)
    small = pruning.remove_filters(trained, removed, example)
    # What was retrained is measured recalibrated, so it is taken home like that.
    recalibrated = (options.ratio > 0 or "retrained" in card) and not options.no_recalibration
    if recalibrated:
        pruning.recalibrate_batchnorm(small, noise)
    inherited = {name: card[name] for name in ("dataset", "data", "seed", "retrained") if name in card}
    before, after = costs(dense, example), costs(small, example)
    pruned = {"source_sha256": card.get("weights_sha256"), "pruned": chosen | {"recalibrated": recalibrated}}
    card = inherited | pruned | after
    exported = export(small, options.output, noise[:16], card)
    print(f"{options.output}: parity with ONNX Runtime {exported['parity']:.1e}")
    for name in ("parameters", "macs"):
        print(f"  {name}: {after[name]:,} of {before[name]:,} ({before[name] / after[name]:.1f} times fewer)")
    for name, size_on_disk in exported["bytes"].items():
        print(f"  {name}: {size_on_disk:,} bytes")
    return 0


def _check_is_dcgan(folder: Path) -> None:
    """Before anything is said of its data set: raise CheckpointError unless `folder` holds a DCGAN's generator."""
    path = folder / "generator.safetensors"
    architecture = checkpoints.read_card(path)["model"]["architecture"] if path.is_file() else "dcgan_generator"
    if architecture != "dcgan_generator":
        others = "for others there is ganprune_utils.export.onnx.export, as in notebook 13"
        raise CheckpointError(f"checkpoint {folder}: is a {architecture}, not a dcgan_generator; {others}")


def run_check(options) -> int:
    """Print each number beside the published one; 1 where one differs in the three digits that pages show."""
    start, digits = time.perf_counter(), []
    for name, before, now in published.numbers():
        digits.append(published.digits_that_agree(before, now))
        print(f"{name}: published {before:.6g}, now {now:.6g}, {digits[-1]} digits agree", flush=True)
        if time.perf_counter() - start > 60 * options.minutes:
            print(f"stopped after {options.minutes:g} minutes, before all were computed; --minutes sets another limit")
            break
    print(f"\n{len(digits)} numbers in {(time.perf_counter() - start) / 60:.1f} minutes")
    for count in sorted(set(digits), reverse=True):
        print(f"  {digits.count(count)} agree in {count} digits of 6")
    print("\nNot computed here, because it takes hours or data (hours of the published runs, added up):")
    for command, row in published.elsewhere().iterrows():
        print(f"  {command}: {row.results}, {row.runs} runs, {row.hours:.1f} hours")
    return int(min(digits) < 3)


def run_grid(options) -> int:
    """Print what was made and what could not be; 1 where a clip could not."""
    made, notes = grid.prepare(resolve(options.folder), resolve(options.output))
    print("\n".join([*notes, f"{options.output}: {len(made)} clips"]))
    return int(bool(notes))


if __name__ == "__main__":
    sys.exit(main())
