"""What a person sees of a study: runs done of runs in all, the time left, what failed, and the page to open.

Snakemake tells all that it does through `logging`. That still goes to its log file; on the screen this replaces it.
"""

import logging
import sys
import time
from pathlib import Path

import study as studies
from snakemake.logging import ColorizingTextHandler, logger
from snakemake_interface_logger_plugins.common import LogEvent

# A run that failed has told so itself; these messages only repeat it.
REPEATED = ("returned non-zero exit status", "Exiting because a job execution failed", "At least one job did not")


def watch(workflow, study) -> "Progress":
    """Show `Progress` on the screen in place of Snakemake's own messages; these stay in a dry run and with --verbose.

    Errors in the Snakefile itself come before this call, so they are shown by Snakemake.
    """
    progress = Progress(workflow, study)
    settings = workflow.output_settings
    if not (settings.dryrun or settings.verbose):
        for handler in [handler for handler in logger.handlers if isinstance(handler, ColorizingTextHandler)]:
            logger.removeHandler(handler)
        logger.addHandler(progress)
    return progress


class Progress(logging.Handler):
    """Counts the runs of notebooks; knows jobs by Snakemake's numbers of them.

    Attributes:
        total: how many runs are due.
        waiting: the step of each run that has not ended.
        started: when each run began, in seconds.
        seconds: how long runs took, by step.
        failed: the executed notebooks of the runs that failed.
    """

    def __init__(self, workflow, study):
        super().__init__()
        self.workflow, self.study, self.begin = workflow, study, time.monotonic()
        self.total = 0
        self.waiting: dict[int, str] = {}
        self.started: dict[int, float] = {}
        self.seconds: dict[str, list[float]] = {}
        self.failed: list[Path] = []

    def emit(self, record: logging.LogRecord) -> None:
        event, message = getattr(record, "event", None), record.getMessage()
        if event == LogEvent.JOB_INFO:
            if not self.started:
                self._list_runs()
            self.started[record.jobid] = time.monotonic()
        elif event == LogEvent.JOB_FINISHED:
            if record.job_id in self.waiting:
                self._finish(record.job_id)
        elif event == LogEvent.JOB_ERROR:
            self.failed.append(Path(record.log[0]))
        elif record.levelno >= logging.WARNING:
            if not any(text in message for text in REPEATED):
                print(message, file=sys.stderr, flush=True)
        elif message.startswith("Nothing to be done"):
            print(f"Nothing to be done: all is up to date.{self._page()}", flush=True)

    def _list_runs(self) -> None:
        dag = self.workflow.dag
        for job in dag.needrun_jobs():
            if job.output:  # not the rule that only asks for everything
                folder = job.wildcards.get("folder")
                self.waiting[dag.jobid(job)] = self.study.runs[folder].step if folder else "report"
        self.total = len(self.waiting)

    def _finish(self, job: int) -> None:
        self.seconds.setdefault(self.waiting.pop(job), []).append(time.monotonic() - self.started[job])
        left = f", {self.time_left()}" if self.waiting and self.time_left() else ""
        print(f"[{time.strftime('%H:%M:%S')}] {self._done()}{left}", flush=True)

    def _done(self) -> str:
        return f"{self.total - len(self.waiting)} of {self.total} runs done"

    def time_left(self) -> str:
        """An estimate from the mean duration of each step so far; nothing is said as long as no step is known."""
        means = {step: sum(seconds) / len(seconds) for step, seconds in self.seconds.items()}
        busy = sum(sum(seconds) for seconds in self.seconds.values())
        # Runs go on side by side, so the clock is slower than their sum.
        pace = (time.monotonic() - self.begin) / busy
        minutes = pace * sum(means.get(step, 0) for step in self.waiting.values()) / 60
        known = all(step in means or step == "report" for step in self.waiting.values())
        if not minutes:
            return ""
        amount = f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
        return f"{'about' if known else 'at least'} {amount if minutes >= 1 else '1 min'} left"

    def _page(self) -> str:
        report = self.study.reports[-1] if self.study.reports else None
        if not report or not Path(report.output).is_file():  # only some runs were asked for
            return ""
        return f" Read {report.output}, or {self.study.in_browser(report.notebook)} in a browser."

    def success(self) -> str:
        return f"\nDone.{self._page()}"

    def failures(self) -> str:
        """A line for each run that failed: which one, and its error."""
        if not self.failed:
            return f"\nStopped: {self._done()}."
        lines = [f"\n{len(self.failed)} failed (their executed notebooks are kept in the same folders):"]
        for notebook in self.failed:
            error = notebook.with_suffix(".error.txt")
            reason = error.read_text("utf-8").strip() if error.is_file() else "ended without a word; was memory short?"
            lines.append(f"  {studies.label(notebook)}: {reason}")
        return "\n".join(lines)
