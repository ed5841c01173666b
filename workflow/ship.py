"""Copy trained weights and their cards from results/ to checkpoints/, where they ship from.

Seed 0 of a data set ships both networks as they are, the other seeds the generator in 16-bit floats, and each data set
its classifiers with the features of real images. Of a U-Net's task a small pair ships, in 16-bit floats; the wide one,
which is pruned, stays in results/. So all of it stays small.
"""

import shutil
from pathlib import Path

from pictures import pack
from study import ROOT, example_name

from ganprune_utils.models.checkpoints import load_network, read_card, save_network

REPORTED = ROOT / "reports/notebooks"


def main() -> None:
    results = ROOT / "results"
    for run in sorted(manifest.parent for manifest in results.glob("checkpoints/*/*/**/manifest.json")):
        dataset, kind = run.relative_to(results).parts[1:3]
        target = ROOT / "checkpoints" / dataset / kind
        target.mkdir(parents=True, exist_ok=True)
        if kind.endswith("classifier"):
            copy(run, target, "classifier", "real")
            publish(run)
        elif run.name == "unet":
            halve(run, target, "generator", "discriminator")
        elif kind == "seed0":
            copy(run, target, "generator", "discriminator")
            publish(run)
        else:
            halve(run, target, "generator")
        print(f"{dataset} {kind} -> {target.relative_to(ROOT)}")


def publish(run: Path) -> None:
    pack(Path(shutil.copyfile(run / "notebook.ipynb", REPORTED / example_name(str(run.relative_to(ROOT))))))


def copy(run: Path, target: Path, *names: str) -> None:
    for name in names:
        for suffix in (".safetensors", ".json"):
            shutil.copyfile(run / f"{name}{suffix}", target / f"{name}{suffix}")


def halve(run: Path, target: Path, *names: str) -> None:
    """Write weights in half precision; the card says so. They are float32 again once loaded."""
    for name in names:
        path = run / f"{name}.safetensors"
        card = {key: value for key, value in read_card(path).items() if key not in ("model", "weights_sha256")}
        save_network(load_network(run, name).half(), target / path.name, card | {"stored_as": "float16"})


if __name__ == "__main__":
    main()
