"""`snakemake --logger phvae`: one line per finished job, a bar on a terminal, a failed job's own message.

Snakemake finds it by its name; `make run` uses it.
"""

from __future__ import annotations

import logging
import sys

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

from phvae.jobs.run_progress import RunProgress

__all__ = ["LogHandler"]

# What Snakemake says at every start, or of every step.
_USUAL = (
    "Assuming unrestricted", "Select jobs", "Execute ", "Building DAG", "Complete log", "Elapsed time", "Using shell",
    "DAG of jobs", "Conda env", "Removing output", "Will exit after", "Job rate limit", "Cleaning up SLURM",
)  # fmt: skip

_BY_HAND = "Terminating processes"
# The beginning of Snakemake's line -> ours; nothing where the failed job says it.
_SAID_BETTER = {
    "RuleException": "",
    "Exiting because a job execution failed": "",
    "Shutting down": "what runs is finished; nothing new is started",
    _BY_HAND: "stopping: trainings write a checkpoint first",
}


class LogHandler(LogHandlerBase):
    """Takes the place of Snakemake's own lines."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.progress = RunProgress()
        self.bar = tqdm(total=1, leave=False, disable=None, bar_format="{percentage:3.0f} %|{bar:40}| {desc}")

    def emit(self, record: logging.LogRecord) -> None:
        """Say what a record means."""
        try:
            lines = self._lines(record)
            for line in filter(None, lines):
                tqdm.write(line, file=sys.stderr)
            self.bar.n = self.progress.share
            self.bar.set_description_str(", ".join(job.name for job in self.progress.running.values()))
        except Exception:  # as logging's own handlers: what is said must not end what is done
            self.handleError(record)

    def close(self) -> None:
        """Take the bar away."""
        self.bar.close()
        super().close()

    def _lines(self, record: logging.LogRecord) -> list[str]:
        event, said, now = getattr(record, "event", None), record.__dict__, self.progress
        if event == LogEvent.RUN_INFO:
            return [now.begin({rule: n for rule, n in said["stats"].items() if rule not in ("all", "total")})]
        if event == LogEvent.JOB_INFO:
            log = said["log"][0] if said["log"] else None
            if self.common_settings.dryrun:
                return [f"would run {said['rule_name']} {' '.join(map(str, said['wildcards'].values()))}"]
            if said["rule_name"] != "all":
                now.start(said["jobid"], said["rule_name"], said["wildcards"], log)
            return []
        if event == LogEvent.JOB_FINISHED:
            return [now.finish(said["job_id"])]
        if event == LogEvent.JOB_ERROR:
            return now.fail(said["jobid"])
        text = record.getMessage() if record.msg else ""
        for begins, better in _SAID_BETTER.items():
            if text.startswith(begins):
                now.stopped |= begins == _BY_HAND
                return [better]
        if event not in (None, LogEvent.ERROR) or (record.levelno < logging.WARNING and _is_usual(text)):
            return []
        return [text]


def _is_usual(text: str) -> bool:
    return text.startswith(_USUAL) or "has been submitted with SLURM jobid" in text
