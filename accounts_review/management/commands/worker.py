"""``manage.py worker``: the django-q2 cluster, made to survive the death of any of its processes.

Stock ``qcluster`` wedges when the wrong child is killed (its queues' locks die with it), leaves orphans that go on
working, and hangs when its whole group gets SIGTERM. Here any unclean death ends everything with status 70 for the
supervisor to restart it; the cases of the dead are settled by their leases. A worker that does not end by itself when
a task's time is up counts as such a death.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import django_q.cluster
import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from accounts_review.management import portal
from accounts_review.management.supervisor import TOLD, die_with_parent, end_when_told
from accounts_review.models import Run
from accounts_review.tasks import actions, queue, schedule, sources
from cleanup_portal import database_version
from cleanup_portal.logs import log_whatever_comes

log = structlog.get_logger(__name__)

UNCLEAN = 70
NICENESS = 5
"""Where all cores are taken, whoever waits for a page goes first."""
EVERY_SECONDS = 60
LEAVING_SECONDS = 10
_TIMED_OUT, _RECYCLED = 0, -2


def give_way() -> None:
    """Take what the others leave of the cores; also where Linux shares them out by session, and then by process."""
    os.nice(NICENESS)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICENESS))


def _watch() -> None:
    """Each host for itself: the sweep is taken by one of them only."""
    try:
        actions.watch()
    except Exception as error:
        log.error("the checkpoint could not be looked at", error=str(error))
    finally:
        connection.close()


class WatchfulSentinel(django_q.cluster.Sentinel):  # type: ignore[misc]
    """Guards the cluster; leans on private names, so django-q2 is pinned."""

    def start(self) -> None:
        # Only the main process is told to stop; its children follow in order. They inherit this.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, TOLD)
        # The guard itself may be waiting for a lock that the dead child held.
        signal.signal(signal.SIGCHLD, self._look_after_the_dead)
        super().start()

    def reincarnate(self, process: Any) -> None:
        """Replace a worker that recycled or timed out; end everything where a process died otherwise."""
        if process not in self.pool or process.timer.value not in (_TIMED_OUT, _RECYCLED):
            _end_everything()
        # What is killed on its way out can leave the queue of results locked for all others.
        process.join(LEAVING_SECONDS)
        if process.exitcode != 0:
            _end_everything()
        super().reincarnate(process)

    def _look_after_the_dead(self, signum: int, frame: FrameType | None) -> None:
        children = [process for process in (*self.pool, self.monitor, self.pusher) if process is not None]
        if os.getpid() == self.pid and any(process.exitcode for process in children):
            _end_everything()


def _end_everything() -> NoReturn:
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(UNCLEAN)


class Command(BaseCommand):
    help = "Run the background worker until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        end_when_told()
        log_whatever_comes()
        # The main process joins the embedded database first: it alone runs exit handlers and can leave it.
        connection.ensure_connection()
        if said := database_version.mismatch():
            raise CommandError(said)
        sources.known_workspaces()
        sources.renew_keys()
        schedule.ensure_schedule()
        Run.objects.bury()
        queue.enqueue_sweep()
        # A worker is often restarted because of a new address or key.
        schedule.enqueue_scheduled("check_every_connection")
        connection.close()
        os.register_at_fork(after_in_child=die_with_parent)
        django_q.cluster.Sentinel = WatchfulSentinel
        portal.share_what_is_loaded()
        # A stop that comes while the cluster starts would find nothing to stop yet, and be forgotten.
        signal.pthread_sigmask(signal.SIG_BLOCK, TOLD)
        # The embedded database runs by now: what it does for pages is not to wait, unless the worker has to restart it.
        give_way()
        cluster = django_q.cluster.Cluster()
        cluster.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, TOLD)
        while cluster.sentinel.is_alive():
            _watch()
            cluster.sentinel.join(EVERY_SECONDS)
        sys.exit(UNCLEAN if cluster.sentinel.exitcode else 0)
