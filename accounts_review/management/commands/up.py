"""``manage.py up``: web, worker and, where no other is configured, the embedded database, as one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from accounts_review.management import numbers, portal
from accounts_review.management.supervisor import end_when_told, free_port, stop_all, supervise
from accounts_review.tasks import sources
from cleanup_portal import address


class Command(BaseCommand):
    help = "Run the whole portal on a loopback address until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=numbers.port, default=8000, help="default 8000; the next free port if taken")

    def handle(self, *args: Any, **options: Any) -> None:
        end_when_told()
        portal.prepare()
        sources.known_workspaces()
        port = free_port(options["port"])
        is_fork = portal.prepare_forks(port)
        children = [portal.web(port, is_fork=is_fork), portal.worker(port, is_fork=is_fork)]
        try:
            with address.kept(settings.DATA_DIR, f"http://127.0.0.1:{port}"):
                children[0].start()
                portal.wait_until_it_answers(port)
                self.stdout.write(f"portal  http://127.0.0.1:{port}")
                self.stdout.flush()
                supervise(children)
        finally:
            stop_all(children)
