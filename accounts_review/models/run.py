"""What the worker did last: the only sign of life it gives, and where a failure of it can be read."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts_review.models.sync import Sync
from accounts_review.models.workspace import Workspace

KEPT = 30
"""How many successful runs of a task are kept, and how many failed ones."""

SILENT = timedelta(minutes=5)
"""Without a sign of life for so long, a worker or a sync is taken for dead; the sweep runs every minute."""


INTERRUPTED = "interrupted"
"""The error of a run whose worker stopped before it ended."""


class RunQuerySet(models.QuerySet["Run"]):
    """Runs, asked for by how they ended."""

    def failed(self) -> RunQuerySet:
        return self.exclude(error="")

    def forget_old(self, task: str) -> None:
        """Keep the newest few of a task, good and failed each for themselves."""
        runs = self.filter(task=task).values("pk")
        good, failed = runs.filter(error="")[KEPT:], runs.exclude(error="")[KEPT:]
        self.filter(models.Q(pk__in=good) | models.Q(pk__in=failed)).delete()

    def last_sign_of_life(self) -> datetime | None:
        """When a worker last began or ended something, or a sync last moved on; ``None`` if none ever did."""
        runs = self.aggregate(began=models.Max("started_at"), ended=models.Max("finished_at"))
        running = Sync.objects.filter(state=Sync.State.RUNNING).aggregate(at=models.Max("heartbeat_at"))
        return max(filter(None, [*runs.values(), running["at"]]), default=None)

    def is_silent(self, now: datetime) -> bool:
        """Whether no worker seems to be alive."""
        last = self.last_sign_of_life()
        return last is None or now - last > SILENT

    def bury(self) -> None:
        """Have every run that has not ended say so; one that goes on elsewhere corrects it when it ends."""
        self.filter(finished_at=None, error="").update(error=INTERRUPTED)


class Run(models.Model):
    """One run of a task by the worker. One that never ended was killed, or its worker was."""

    task = models.CharField(_("task"), max_length=64)
    workspace = models.ForeignKey(Workspace, models.CASCADE, null=True, related_name="runs")
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    error = models.TextField(_("error"), blank=True, help_text=_("Safe to show; contains no secrets."))

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ("-started_at", "-pk")
        default_permissions = ()
        indexes = [models.Index(fields=("task", "-started_at"), name="run_by_task")]

    def __str__(self) -> str:
        return f"{self.task} {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def state(self) -> str:
        """How it stands: ``failed``, ``running`` or ``complete``."""
        return "running" if self.is_running else "failed" if self.error else "complete"

    @property
    def is_running(self) -> bool:
        return not self.error and self.finished_at is None

    @property
    def duration(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at else None
