"""One study at a time in a folder: told in one line, and forgotten with its last process, however that ended."""

import os
import signal
import subprocess
import sys

import pytest

from ganprune_utils.errors import ParameterError
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "workflow"))
import lock

RUN = "import lock, os, time; lock.join(); print(os.getpid(), flush=True); time.sleep(60)"
STUDY = f"""
import lock, subprocess, sys, time
lock.hold(sys.argv[1])
subprocess.Popen([sys.executable, "-c", {RUN!r}])
time.sleep(60)
"""


def test_a_killed_study_takes_its_runs_along_and_lets_go(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE", 0.0)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'workflow'}"}
    command = [sys.executable, "-c", STUDY, str(tmp_path)]
    study = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    try:
        run = int(study.stdout.readline())
        told = f"^{tmp_path}: this study is running already, as process {study.pid}; wait, or stop it$"
        with pytest.raises(ParameterError, match=told):
            lock.hold(tmp_path)
        os.kill(run, signal.SIGSTOP)  # it does not notice yet
    finally:
        study.kill()
        study.wait()
    with pytest.raises(ParameterError, match=told):
        lock.hold(tmp_path)
    os.kill(run, signal.SIGCONT)
    monkeypatch.setattr(lock, "PATIENCE", 10.0)
    monkeypatch.setenv(lock.NAME, "")
    lock.hold(tmp_path)
