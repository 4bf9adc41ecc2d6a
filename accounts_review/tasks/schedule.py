"""What the worker runs by itself, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now
from django_q.models import Schedule
from django_q.tasks import async_task

SCHEDULE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("accounts_review.tasks.jobs.sweep", {"schedule_type": Schedule.MINUTES, "minutes": 1}),
    ("accounts_review.tasks.jobs.send_emails_job", {"schedule_type": Schedule.MINUTES, "minutes": 10}),
    ("accounts_review.tasks.jobs.send_digests_job", {"schedule_type": Schedule.MINUTES, "minutes": 15}),
    ("accounts_review.tasks.jobs.check_every_connection", {"schedule_type": Schedule.CRON, "cron": "0 2 * * *"}),
    ("accounts_review.tasks.nightly.verify_every_night", {"schedule_type": Schedule.CRON, "cron": "0 4 * * *"}),
    ("accounts_review.tasks.nightly.erase_every_night", {"schedule_type": Schedule.CRON, "cron": "30 4 * * *"}),
    ("accounts_review.tasks.jobs.sync_every_workspace", {"schedule_type": Schedule.CRON, "cron": "30 2 * * *"}),
)
"""What runs by itself: the sweep, e-mails as their pace allows, the operator digest; at night a check of the
connections, a sync, a check of the audit, and the erasure of what has been kept long enough."""

_SCHEDULE_LOCK = 0x7363686564  # any constant that nothing else in the database uses
_OURS = __name__.rpartition(".")[0]
"""The package of the jobs: a schedule of a job that moved within it, or went, is ours to delete."""


def enqueue_scheduled(task: str) -> None:
    """Ask the worker to run a task of the schedule at once. Raises ``KeyError`` for any other."""
    async_task({func.rpartition(".")[2]: func for func, _ in SCHEDULE}[task])


def next_run(task: str, after: datetime) -> datetime | None:
    """When the worker runs a task that comes every few minutes, at an instant or first after it; ``None`` if never."""
    found = Schedule.objects.filter(name=f"{_OURS}.jobs.{task}").values_list("next_run", "minutes").first()
    if found is None or found[1] is None:
        return None
    next_run: datetime = found[0]
    every = timedelta(minutes=found[1])
    return next_run + max(0, ceil((after - next_run) / every)) * every


@transaction.atomic
def ensure_schedule() -> None:
    """Bring the worker's schedule in line with :data:`SCHEDULE`; what is unchanged keeps its next run.

    What is new begins when its minutes are over. Workers that start together take turns.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEDULE_LOCK])
    ours = Schedule.objects.filter(name__startswith=f"{_OURS}.")
    ours.exclude(name__in=[func for func, _ in SCHEDULE]).delete()
    for func, timing in SCHEDULE:
        columns = {"func": func, "minutes": None, "cron": None} | timing
        first = now() + timedelta(minutes=timing.get("minutes", 0))
        Schedule.objects.update_or_create(name=func, defaults=columns, create_defaults=columns | {"next_run": first})
