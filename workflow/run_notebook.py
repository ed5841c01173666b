"""Run one notebook through papermill: names and values are checked first, the executed notebook is kept either way.

usage: python workflow/run_notebook.py NOTEBOOK EXECUTED --parameters JSON
"""

import argparse
import ast
import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import papermill
from papermill.exceptions import PapermillExecutionError
from pictures import pack
from traitlets.config import Config

from ganprune_utils import parameters
from ganprune_utils.artifacts import output_folder, write_atomic
from ganprune_utils.errors import StudyError

ATTEMPTS = 3


class Progress:
    """Standard output for a notebook's prints: passes on the lines that tell of progress, under the run's name."""

    def __init__(self, label: str):
        self.label = label

    def write(self, text: str) -> None:
        for line in text.splitlines():
            if line.startswith(("epoch ", "round ", "layer ", "way ", "WARNING")):
                say(self.label, line)

    def flush(self) -> None:
        sys.stdout.flush()


def say(label: str, text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {label}: {text}", flush=True)


def run(notebook: str, executed: Path, values: dict, label: str) -> None:
    """Execute `notebook` with `values` and write `executed`; raises StudyError with one line when that fails."""
    if not isinstance(values, dict):
        raise StudyError(f"--parameters {values!r}: needs a JSON object of names and values")
    declared = papermill.inspect_notebook(notebook)
    parameters.check_names(values, declared)
    # Defaults are checked along, because method, scope and threshold have to go together.
    parameters.check({name: ast.literal_eval(entry["default"]) for name, entry in declared.items()} | values)
    for attempt in range(1, ATTEMPTS + 1):
        sockets = tempfile.TemporaryDirectory(prefix="kernel-")
        try:
            papermill.execute_notebook(
                notebook,
                str(executed),
                values,
                progress_bar=False,
                stdout_file=Progress(label),
                start_timeout=120,
                config=kernel_config(sockets.name),
            )
            return
        except PapermillExecutionError as error:
            raise StudyError(f"{error.ename}: {error.evalue}") from None
        except RuntimeError as error:
            # A kernel that did not start is the only failure tried again.
            if attempt == ATTEMPTS or "Kernel" not in str(error):
                raise
            say(label, f"RETRY {attempt} of {ATTEMPTS - 1}: {error}")
            time.sleep(attempt)
        finally:
            sockets.cleanup()


def kernel_config(folder: str) -> Config:
    """Sockets in a folder of their own: kernels that start side by side can race for TCP ports (papermill #511)."""
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/ipc"}} if os.name == "posix" else {})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook")
    parser.add_argument("executed", type=Path)
    parser.add_argument("--parameters", type=json.loads, default={})
    arguments = parser.parse_args()
    logging.getLogger("papermill").setLevel(logging.WARNING)
    label = str(arguments.executed.parent)
    error_file = arguments.executed.with_suffix(".error.txt")
    start = time.perf_counter()
    try:
        output_folder(arguments.executed.parent)
        error_file.unlink(missing_ok=True)
        run(arguments.notebook, arguments.executed, arguments.parameters, label)
        figures = Path(arguments.parameters.get("output", arguments.executed.parent)).glob("figures/*.png")
        for path in (arguments.executed, *figures):
            pack(path)
    except Exception as error:  # whatever it is, it ends in one line here and in the list at the end of the study
        line = " ".join(str(error).split()) or type(error).__name__
        say(label, f"FAILED: {line}")
        if error_file.parent.is_dir():
            write_atomic(error_file, line + "\n")
        return 1
    say(label, f"done in {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
