"""Sync: how long reading and judging take, the first time and when nothing has changed.

    python bench/sync.py --accounts 10000

Everything lives in a temporary folder and on loopback: a sandbox and an embedded database. Times depend on the
machine and on the sandbox, which is asked for every page here too; the ratios do not.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ground import configure, new_folder, sandbox, say

if TYPE_CHECKING:
    from accounts_review.models import Workspace


def main() -> None:
    options = _options()
    with sandbox("--accounts", str(options.accounts)) as url:
        configure(new_folder("bench-sync"), url)
        from django.utils.timezone import now

        from accounts_review.workflow import workspaces

        workspace = workspaces.open_workspace(name="main", now=now())
        profile = cProfile.Profile() if options.profile else None
        seconds = {}
        for name, act in _acts(workspace).items():
            with profile or nullcontext():
                began = time.monotonic()
                act()
                seconds[name] = time.monotonic() - began
        _report(seconds, options.accounts)
        if profile:
            pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(40)


def _options() -> argparse.Namespace:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--accounts", type=int, default=10_000)
    cli.add_argument("--profile", action="store_true", help="print where the time goes")
    return cli.parse_args()


def _acts(workspace: Workspace) -> dict[str, Callable[[], None]]:
    """What is measured, in this order."""
    from django.utils.timezone import now

    from accounts_review.models import Assessment
    from accounts_review.tasks import sources
    from accounts_review.workflow.assess import assess
    from accounts_review.workflow.sync.sync import sync_workspace

    def read() -> None:
        with sources.open_client(workspace) as client:
            found = sync_workspace(workspace=workspace, client=client, key_owner="", clock=now)
        assert found.state == "complete", found.problems  # noqa: S101
        workspace.refresh_from_db()

    def judge() -> None:
        assess.assess(workspace=workspace)

    def read_under_other_rights() -> None:
        workspace.rights_digest = ""
        workspace.save(update_fields=["rights_digest"])
        read()

    def judge_anew() -> None:
        Assessment.objects.update(basis="")
        judge()

    return {
        "first reading": read,
        "first judging": judge,
        "unchanged reading": read,
        "unchanged judging": judge,
        "reading, the groups' rights changed": read_under_other_rights,
        "judging all anew": judge_anew,
    }


def _report(seconds: dict[str, float], accounts: int) -> None:
    say("accounts", accounts)
    for name, took in seconds.items():
        say(name, round(took, 2), f"s {took / accounts * 10_000:8.2f} s per 10,000")
    first = seconds["first reading"] + seconds["first judging"]
    again = seconds["unchanged reading"] + seconds["unchanged judging"]
    say("unchanged sync to first sync", round(again / first, 2))
    say("judging to reading, at first", round(seconds["first judging"] / seconds["first reading"], 2))


if __name__ == "__main__":
    main()
