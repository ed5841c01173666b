"""`python -m ganprune_utils export`, and the program that runs a notebook of a study: failures are one line."""

import errno
import sys

import papermill
import pytest

from ganprune_utils.__main__ import main
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "workflow"))
import run_notebook


@pytest.mark.parametrize("choice", [["--dataset", "edges"], ["--checkpoint", "checkpoints/edges/seed0"]])
def test_only_a_dcgan_is_exported(choice, tmp_path, capsys):
    assert main(["export", str(tmp_path / "small"), *choice]) == 2
    told = f"export: checkpoint {ROOT}/checkpoints/edges/seed0: is a unet_generator, not a dcgan_generator; for others "
    assert capsys.readouterr().err == f"{told}there is ganprune_utils.export.onnx.export, as in notebook 13\n"
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize("in_notebook", [False, True])
def test_a_full_disk_ends_a_run_in_one_line(in_notebook, tmp_path, monkeypatch, capsys):
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail(*arguments, **options):
        raise papermill.exceptions.PapermillExecutionError(0, 1, "", "OSError", str(full), []) if in_notebook else full

    monkeypatch.setattr(papermill, "execute_notebook", fail)
    monkeypatch.setattr(sys, "argv", ["run_notebook.py", "a.ipynb", str(tmp_path / "run/notebook.ipynb")])
    assert run_notebook.main() == 1
    told = (
        f"{tmp_path}/run: cannot be written, the disk is full; make room and start again: what was finished is kept\n"
    )
    assert capsys.readouterr().out.endswith(f"FAILED: {told}")
    assert (tmp_path / "run/notebook.error.txt").read_text() == told
