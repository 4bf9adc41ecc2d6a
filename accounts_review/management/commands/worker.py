"""``manage.py worker``: the django-q2 cluster, made to survive the death of any of its processes.

Stock ``qcluster`` wedges when the wrong child is killed (its queues' locks die with it), leaves orphans that go on
working, and hangs when its whole group gets SIGTERM. Here any unclean death ends everything with status 70 for the
supervisor to start anew; the cases of the dead are settled by their leases.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from typing import Any

import django_q.cluster
import structlog
from django.core.management.base import BaseCommand
from django.db import connection

from accounts_review import tasks
from accounts_review.management.supervisor import die_with_parent
from accounts_review.models import Run

log = structlog.get_logger(__name__)

UNCLEAN = 70
EVERY_SECONDS = 60
_TIMED_OUT, _RECYCLED = 0, -2


def _watch() -> None:
    """Each host for itself: the sweep is taken by one of them only."""
    try:
        tasks.watch()
    except Exception as error:
        log.error("the checkpoint could not be looked at", error=str(error))
    finally:
        connection.close()


class WatchfulSentinel(django_q.cluster.Sentinel):  # type: ignore[misc]
    """Guards the cluster; leans on private names, so django-q2 is pinned."""

    def start(self) -> None:
        # Only the main process is told to stop; its children follow in order. They inherit this.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().start()

    def reincarnate(self, process: Any) -> None:
        """Replace a worker that recycled or timed out; end everything where a process died otherwise."""
        ended_cleanly = process in self.pool and process.timer.value in (_TIMED_OUT, _RECYCLED)
        if not ended_cleanly:
            for child in multiprocessing.active_children():
                child.kill()
            os._exit(UNCLEAN)
        super().reincarnate(process)
        if process.timer.value == _TIMED_OUT:
            process.join(3)
            process.kill()


class Command(BaseCommand):
    help = "Run the background worker until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        # The main process joins the embedded database first: it alone runs exit handlers and can leave it.
        connection.ensure_connection()
        tasks.ensure_schedule()
        Run.objects.bury()
        tasks.enqueue_sweep()
        # What a worker is started anew for is often a new address or key.
        tasks.enqueue_scheduled("check_every_connection")
        connection.close()
        os.register_at_fork(after_in_child=die_with_parent)
        django_q.cluster.Sentinel = WatchfulSentinel
        cluster = django_q.cluster.Cluster()
        cluster.start()
        while cluster.sentinel.is_alive():
            _watch()
            cluster.sentinel.join(EVERY_SECONDS)
        sys.exit(UNCLEAN if cluster.sentinel.exitcode else 0)
