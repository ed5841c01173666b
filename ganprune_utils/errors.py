"""Errors that end in one clear line, in a terminal and in a notebook alike."""

import errno
import os


class StudyError(ValueError):
    """Something the user gave cannot be used; the message names what, where and what is allowed."""

    def _render_traceback_(self):
        # IPython asks an exception for its rendering: one line, where a notebook would show a validator's call stack.
        return [f"{type(self).__name__}: {self}"]


class ParameterError(StudyError):
    """A parameter has a wrong name, type or value."""


class DataError(StudyError):
    """A data set is missing, truncated or unreadable."""


class CheckpointError(StudyError):
    """A checkpoint is missing, truncated or belongs to another network."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether the disk, or a quota on it, is full, as the error says or one that it came from."""
    if error is None:
        return False
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)
    return full or is_disk_full(error.__context__)


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type where there is none: for errors of other libraries."""
    return next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__)
