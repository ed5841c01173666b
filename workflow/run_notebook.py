"""Run one notebook through papermill: the executed notebook is kept either way, a failure is one line.

usage: python workflow/run_notebook.py NOTEBOOK EXECUTED --parameters JSON [--study FILE]
"""

import argparse
import contextlib
import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import lock
import study as studies
from traitlets.config import Config

from ganprune_utils.artifacts import DISK_FULL, output_folder, write_atomic
from ganprune_utils.errors import StudyError, is_disk_full

ATTEMPTS = 3
TOLD = ("epoch ", "round ", "layer ", "method ", "WARNING")  # how lines begin that tell a notebook's progress


class Progress:
    """Standard output for a notebook's prints: passes on the lines that tell of progress, under the run's name."""

    def __init__(self, label: str):
        self.label = label

    def write(self, text: str) -> None:
        for line in text.splitlines():
            if line.startswith(TOLD):
                say(self.label, line)

    def flush(self) -> None:
        sys.stdout.flush()


def say(label: str, text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {label}: {text}", flush=True)


def run(notebook: str, executed: Path, values: dict) -> None:
    """Execute `notebook` with `values`, which it checks itself, and write `executed`.

    Raises StudyError with one line when that fails.
    """
    import papermill  # after `study`, which makes it quicker to import

    label = studies.label(executed)
    for attempt in range(1, ATTEMPTS + 1):
        # A socket's path has at most 103 bytes.
        long = len(os.fsencode(tempfile.gettempdir())) > 80
        sockets = tempfile.TemporaryDirectory(prefix="kernel-", dir="/tmp" if long else None)
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
        except papermill.exceptions.PapermillExecutionError as error:
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
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/ipc"}})


def read_parameters(text: str) -> dict:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise argparse.ArgumentTypeError(f"{text}: needs a JSON object of names and values")
    return values


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook")
    parser.add_argument("executed", type=Path)
    parser.add_argument("--parameters", type=read_parameters, default={}, metavar="JSON")
    parser.add_argument("--study", metavar="FILE", help="the notebook is of its report: list runs, publish examples")
    arguments = parser.parse_args()
    logging.getLogger("papermill").setLevel(logging.WARNING)
    executed, label = arguments.executed, studies.label(arguments.executed)
    error_file = executed.with_suffix(".error.txt")
    start = time.perf_counter()
    lock.join()
    try:
        output_folder(executed.parent)
        error_file.unlink(missing_ok=True)
        if arguments.study:
            study = studies.load(arguments.study)
            study.write_list()
            study.publish_examples()
        run(arguments.notebook, executed, arguments.parameters)
        if arguments.study:
            import nbconvert
            from pictures import pack

            for path in (executed, *Path(arguments.parameters["output"]).glob("figures/*.png")):
                pack(path)
            page, _ = nbconvert.HTMLExporter().from_filename(str(executed))
            write_atomic(study.in_browser(arguments.notebook), page)
    except (Exception, KeyboardInterrupt) as error:  # one line here, and in the list at the end of the study
        line = " ".join(str(error).split()) or type(error).__name__
        if is_disk_full(error):
            line = f"{executed.parent.absolute()}: {DISK_FULL}"
        say(label, f"FAILED: {line}")
        with contextlib.suppress(OSError, StudyError):
            write_atomic(error_file, line + "\n")
        return 1
    say(label, f"done in {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
