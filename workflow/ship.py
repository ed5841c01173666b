"""Copy trained weights and their cards from results/checkpoints/ to checkpoints/, where they ship from.

Seed 0 ships both networks, the other seeds the generator: so all of it stays small.
"""

import shutil

from study import ROOT


def main() -> None:
    for manifest in sorted((ROOT / "results/checkpoints").glob("*/seed*/train/manifest.json")):
        run = manifest.parent
        dataset, seed = run.parts[-3:-1]
        target = ROOT / "checkpoints" / dataset / seed
        target.mkdir(parents=True, exist_ok=True)
        for part in ("generator", "discriminator") if seed == "seed0" else ("generator",):
            for suffix in (".safetensors", ".json"):
                shutil.copyfile(run / f"{part}{suffix}", target / f"{part}{suffix}")
            if seed == "seed0" and part == "generator":
                shutil.copyfile(run / "notebook.ipynb", ROOT / f"reports/notebooks/01_train-{dataset}-seed0.ipynb")
            print(f"{part} of {dataset} {seed} -> {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
