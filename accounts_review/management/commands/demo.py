"""``manage.py demo``: ``up`` with a sandbox workspace and a history to look at."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.timezone import now

from accounts_review.management import demo_history, numbers, portal
from accounts_review.management.supervisor import Child, end_when_told, free_port, stop_all, supervise
from accounts_review.tasks import sources
from cleanup_portal import address, demo_clock

WORKSPACE = "demo"
KEY = "sandbox-key"


class Command(BaseCommand):
    help = "Run the portal with a sample workspace, a past clean-up and a draft, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=numbers.port, default=8000, help="default 8000; the next free port if taken")
        parser.add_argument(
            "--accounts", type=numbers.count, default=3000, metavar="N", help="number of accounts, at the first start"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        end_when_told()
        portal.prepare()
        demo_clock.mark(settings.DATA_DIR)
        port = free_port(options["port"])
        sandbox_port = free_port(max(options["port"], port) + 55)
        children = [self._sandbox(sandbox_port, options["accounts"])]
        url = f"http://127.0.0.1:{sandbox_port}"
        os.environ |= {"HUWISE_URL": url, "HUWISE_API_KEY": KEY, "HUWISE_WORKSPACE": WORKSPACE, "QUIET_SECONDS": "5"}
        # The links in the e-mails of the history lead to this portal, whatever its port.
        settings.PUBLIC_URL = f"http://127.0.0.1:{port}"
        settings.HUWISE = {WORKSPACE: {"url": url, "api_key": KEY, "key_owner": ""}}
        children += [portal.web(port), portal.worker(port)]
        try:
            children[0].start()
            demo_history.wait_for(url)
            for line in demo_history.tell(WORKSPACE, url, open_client=sources.open_client, now=now()):
                self.stderr.write(line)
            with address.kept(settings.DATA_DIR, settings.PUBLIC_URL):
                children[1].start()
                portal.wait_until_it_answers(port)
                self._greet(port, url)
                supervise(children)
        finally:
            stop_all(children)

    def _sandbox(self, port: int, accounts: int) -> Child:
        began = (now() - timedelta(days=demo_history.BEGAN_DAYS_AGO)).isoformat()
        argv = [sys.executable, "-m", "huwise_sandbox", "--port", str(port), "--api-key", KEY]
        argv += ["--accounts", str(accounts), "--as-of", began, "--state", str(settings.DATA_DIR / "sandbox.json")]
        argv += ["--days-ahead", str(settings.DATA_DIR / demo_clock.FILE)]
        return Child("sandbox", argv, {"PYTHONPATH": str(settings.BASE_DIR)}, is_silent=True)

    def _greet(self, port: int, url: str) -> None:
        self.stdout.write(f"portal   http://127.0.0.1:{port}")
        self.stdout.write(f"sign in  {demo_history.LOGIN} / {demo_history.PASSWORD}")
        self.stdout.write(f"sandbox  {url} (sample workspace)")
        self.stdout.write(f"mailbox  http://127.0.0.1:{port}/mailbox/ (what was mailed; skip 30 days)")
        self.stdout.write(
            "Ctrl-C stops everything; the data is kept for the next start (`make demo-reset` removes them)."
        )
        self.stdout.flush()
