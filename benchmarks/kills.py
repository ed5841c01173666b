"""Kill a study at random moments, let it go on each time, and compare what is left with an undisturbed run.

usage: python benchmarks/kills.py [--study params/studies/quick.yaml] [--kills 10] [--seed 0] [--folder FOLDER]

Both run in copies of this checkout. Every second kill is of all processes that the study started, as when a machine
goes down; the others are of Snakemake's alone, whose runs then have to notice. Equal are tables but for their seconds,
and weights, byte for byte.
"""

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import psutil
import yaml

ROOT = Path(__file__).resolve().parent.parent


def copy(folder: Path) -> Path:
    """The tracked files of this checkout in `folder`."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in os.fsdecode(listed).split("\0")[:-1]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def start(folder: Path, study: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/default", "--config", f"study={study}"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True)


def running(process: subprocess.Popen) -> list[str]:
    """What the runs of a study are that go on now."""
    names = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            command = child.cmdline()
        except psutil.Error:  # it has ended just now
            continue
        if "workflow/run_notebook.py" in command:
            executed = Path(command[command.index("workflow/run_notebook.py") + 2])
            names.append("/".join(executed.with_suffix("").parts[2:]).removesuffix("/notebook"))
    return sorted(names)


def kill(process: subprocess.Popen, everything: bool) -> None:
    children = psutil.Process(process.pid).children(recursive=True) if everything else []
    for each in [psutil.Process(process.pid), *children]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()


def differences(one: Path, two: Path) -> list[str]:
    """Tables and weights that only one of two result folders has, or that are not equal."""
    kinds = ("**/*.csv", "**/*.safetensors")
    files = [{path.relative_to(folder) for kind in kinds for path in folder.glob(kind)} for folder in (one, two)]
    both = files[0] & files[1]
    print(f"{len(both)} tables and weights compared")
    return sorted(map(str, files[0] ^ files[1])) + sorted(
        str(name) for name in both if not equal(one / name, two / name)
    )


def equal(one: Path, two: Path) -> bool:
    if one.suffix == ".csv":
        return (
            pd.read_csv(one)
            .drop(columns="seconds", errors="ignore")
            .equals(pd.read_csv(two).drop(columns="seconds", errors="ignore"))
        )
    return one.read_bytes() == two.read_bytes()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", default="params/studies/quick.yaml")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="for the copies; empty: a temporary one")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    results = f"results/{yaml.safe_load((ROOT / arguments.study).read_text('utf-8'))['study']}"
    undisturbed, killed = (copy(folder / name) for name in ("undisturbed", "killed"))
    begin = time.monotonic()
    assert start(undisturbed, arguments.study).wait() == 0
    whole = time.monotonic() - begin
    draw, rows, begin = random.Random(arguments.seed), [], time.monotonic()
    for number in range(1, arguments.kills + 1):
        process, everything = start(killed, arguments.study), number % 2 == 0
        moment = draw.uniform(0, 2 * whole / arguments.kills)
        time.sleep(moment)
        if process.poll() is not None:
            print(f"finished before kill {number}")
            break
        names = running(process)
        kill(process, everything)
        done = len(list((killed / results).rglob("manifest.json")))
        rows.append(
            (number, f"{moment:.1f}", "all" if everything else "Snakemake", ", ".join(names) or "none yet", done)
        )
    last = time.monotonic()
    assert start(killed, arguments.study).wait() == 0
    columns = ["kill", "seconds after its start", "of", "runs that went on", "runs done"]
    print(" | ".join(columns), *(" | ".join(map(str, row)) for row in rows), sep="\n")
    print(f"undisturbed {whole:.0f} s; killed {len(rows)} times {time.monotonic() - begin:.0f} s in all, ", end="")
    print(f"{time.monotonic() - last:.0f} s of them after the last")
    unequal = differences(undisturbed / results, killed / results)
    print("equal" if not unequal else "\n".join(["NOT EQUAL:", *unequal]))
    return bool(unequal)


if __name__ == "__main__":
    sys.exit(main())
