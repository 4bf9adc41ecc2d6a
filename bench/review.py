"""Review: how long the pages and the exports take on many accounts, and how much memory.

    python bench/review.py --accounts 200000

Everything lives in a temporary folder. Each address is asked for in a process of its own, the second time for the
figure, so that its peak of memory is its own. Times depend on the machine; the ratio to the review page does not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ground import configure, new_folder, say

BATCH, DECISIONS = 5000, 10_000
PAGES = {
    "review page": "review/",
    "review page, page 2000": "review/?verdict=all&page=2000",
    "review page, searched": "review/?verdict=all&q=person.1234",
    "overview": "",
}
EXPORTS = {
    "export CSV": "review/export/?verdict=all&format=csv",
    "export XLSX": "review/export/?verdict=all&format=xlsx",
}


def main() -> None:
    options = _options()
    if options.ask:
        _ask(options.ask, repeat=options.repeat)
        return
    configure(new_folder("bench-review"), "http://127.0.0.1:9")
    began = time.monotonic()
    _fill(options.accounts)
    say("accounts", options.accounts)
    say("making and judging them", round(time.monotonic() - began, 1), "s")
    base = None
    for name, address in (PAGES | EXPORTS).items():
        command = [sys.executable, __file__, "--ask", f"/w/main/{address}", "--repeat", "2" if name in PAGES else "1"]
        told = json.loads(subprocess.check_output(command))  # noqa: S603
        base = base or told["seconds"]
        figures = f"{told['seconds']:8.2f} s {told['seconds'] / base:8.1f} x {told['peak']:7.0f} MB"
        say(name, figures, f"for {told['bytes'] / 2**20:.1f} MB, first byte after {told['first']:.2f} s")
    for name, seconds in _decide_by_file(min(DECISIONS, options.accounts // 10)).items():
        say(name, f"{seconds:8.2f} s {seconds / (base or 1):8.1f} x")


def _options() -> argparse.Namespace:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--accounts", type=int, default=200_000)
    cli.add_argument("--ask", help=argparse.SUPPRESS)
    cli.add_argument("--repeat", type=int, default=1, help=argparse.SUPPRESS)
    return cli.parse_args()


def _fill(size: int) -> None:
    """A workspace of people of whom a third are dormant, as if they had been read."""
    from django.contrib.auth.models import User
    from django.utils.timezone import now

    from accounts_review.models import Account
    from accounts_review.workflow import workspaces
    from accounts_review.workflow.assess import assess

    User.objects.create_superuser("bench")
    workspace = workspaces.open_workspace(name="main", now=now())
    for start in range(0, size, BATCH):
        numbers = range(start, min(start + BATCH, size))
        Account.objects.bulk_create(Account(workspace=workspace, **_person(number)) for number in numbers)
    assess.assess(workspace=workspace)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _person(number: int) -> dict[str, Any]:
    from accounts_review.huwise import digest_of
    from huwise_sandbox import records

    at = datetime(2026, 6, 1, tzinfo=UTC)
    seen = at - timedelta(days=number * 7 % 1100, seconds=number)
    joined = records.instant(seen - timedelta(days=400))
    name, email = f"person.{number:06d}", f"person.{number:06d}@ville.example"
    fields = {"joined_at": joined, "last_seen_at": records.instant(seen), "display_name": f"Person {number}"}
    raw = json.dumps(records.user(name, email, groups=[], **fields))
    known = {"username": name, "email": email, "display_name": fields["display_name"], "incarnation": joined}
    known |= {"account_type": "global", "raw": raw, "digest": digest_of(raw.encode()).hex()}
    return known | {"read_at": at}


def _decide_by_file(size: int) -> dict[str, float]:
    """Approve so many accounts by a file, and time each step."""
    from django.contrib.auth.models import User
    from django.utils.timezone import now

    from accounts_review.models import Account, Workspace
    from accounts_review.spreadsheet import Sheet, written
    from accounts_review.spreadsheet.rows import COLUMNS, accounts_sheet
    from accounts_review.workflow.review import import_file

    act: dict[str, Any] = {"actor": User.objects.get(username="bench"), "now": now()}
    dormant = (
        Account.objects.listed()
        .assessed()
        .with_verdict(act["now"])
        .whose_verdict("dormant", now=act["now"])
        .order_by("pk")
    )
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in accounts_sheet(dormant[:size], as_of=act["now"]).rows]
    filled = ((row | {"decision": "approve"}).values() for row in rows)
    content = b"".join(written(Sheet("accounts", COLUMNS, map(list, filled)), "xlsx"))
    seconds, began = {}, time.monotonic()

    def note(name: str) -> None:
        nonlocal began
        seconds[f"{size} decisions, {name}"] = time.monotonic() - began
        began = time.monotonic()

    file = import_file.upload(content=content, name="b.xlsx", workspace=Workspace.objects.get(), **act)
    note("uploaded as XLSX")
    plan = import_file.plan(file=file, **act)
    note("previewed")
    assert len(plan.acts) == size, plan.counts  # noqa: S101
    import_file.apply(file=file, confirmed=plan.digest, **act)
    note("applied")
    return seconds


def _ask(address: str, *, repeat: int) -> None:
    """Ask for one address as a browser would, and tell what it took as a line of JSON."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "cleanup_portal.settings"
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.get(username="bench"))
    client.get("/workspaces/")
    before = _peak()
    for _ in range(repeat):
        began, first, size = time.monotonic(), 0.0, 0
        answer = client.get(address)
        assert answer.status_code == 200, answer.status_code  # noqa: S101
        for chunk in answer:
            first = first or time.monotonic() - began
            size += len(chunk)
        seconds = time.monotonic() - began
    told = {"seconds": seconds, "first": first, "bytes": size, "peak": _peak() - before}
    sys.stdout.write(json.dumps(told))


def _peak() -> float:
    """The most memory that this process ever held, in MB; unlike ``ru_maxrss`` it knows nothing of the parent."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


if __name__ == "__main__":
    main()
