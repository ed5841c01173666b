"""One study at a time: a lock that the system lets go of when the study's last process ends, however it ends.

Snakemake's own lock is a file, which stays after a kill. This one is held by Snakemake's process and by those that run
notebooks; they end when Snakemake does.
"""

import fcntl
import os
import threading
import time

from ganprune_utils.artifacts import output_folder
from ganprune_utils.errors import ParameterError

NAME = "GANPRUNE_LOCK"  # the environment variable by which runs know the lock
PATIENCE = 5.0  # seconds that the runs of a killed study have to end


def hold(folder) -> None:
    """Lock `folder` for the study of this process and the runs that it starts.

    Raises ParameterError where another process runs the study, or nothing can be written there.
    """
    path = output_folder(folder).resolve() / ".lock"
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # open for as long as this process lives
    end = time.monotonic() + PATIENCE
    while not _locked(file, fcntl.LOCK_EX):
        if time.monotonic() > end:
            by = os.read(file, 20).decode() or "unknown"
            raise ParameterError(f"{path.parent}: this study is running already, as process {by}; wait, or stop it")
        time.sleep(0.2)
    os.truncate(file, 0)
    os.write(file, str(os.getpid()).encode())
    _locked(file, fcntl.LOCK_SH)  # from now on together with its runs
    os.environ[NAME] = str(path)


def join() -> None:
    """Hold the lock of the study that started this process, if one did, and end with it."""
    if path := os.environ.get(NAME):
        _locked(os.open(path, os.O_RDONLY), fcntl.LOCK_SH)
        threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()


def _locked(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)  # the kernel, left alone, ends too
