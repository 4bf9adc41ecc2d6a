"""Soak: thousands of due cases, several workers, faults and ``kill -9`` throughout; then the truth against the ledger.

    python bench/soak.py --cases 5000 --workers 4 --faults 5 --minutes 10

Everything lives in a temporary folder and on loopback: a sandbox, an embedded database, workers that run the portal's
own task in a loop. The script prints figures, one a line, and ends with 1 where something was removed wrongly, sent
twice, told otherwise than it was, or left undone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import launched
from ground import configure, new_folder, sandbox

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from accounts_review.models import Cleanup

LEASE_SECONDS, QUIET_SECONDS = 4, 1
RETURNING = 0.02
"""This share of the approved is seen again before the workers start."""
DELETES = {"500": 3, "cut_before": 3, "cut_after": 3, "latency": 1}
"""The faults of a DELETE, and how often each is drawn; a latency stays below the lease."""

POLICY = f"{launched.POLICY.format(days=0)}[approval]\nexpires_after_days = 60\n"


@dataclass(slots=True)
class Workers:
    """Worker processes that are killed and started again; only those that were started here."""

    count: int
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    kills: int = 0

    def __enter__(self) -> Workers:
        self.running = [self._start() for _ in range(self.count)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.running:
            worker.kill()
            worker.wait()

    def kill_one(self, dice: random.Random) -> None:
        """``kill -9`` for one of them, whatever it is doing; another takes its place."""
        place = dice.randrange(self.count)
        self.running[place].kill()
        self.running[place].wait()
        self.running[place] = self._start()
        self.kills += 1

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, __file__, "--work"])  # noqa: S603


def main() -> int:
    options = _options()
    if options.work:
        _work()
    with ExitStack() as stack:
        folder = new_folder("soak")
        due = [f"due.{number:05d}" for number in range(options.cases)]
        url = stack.enter_context(sandbox("--fixtures", str(_people(due, folder))))
        configure(folder, url, LEASE_SECONDS=str(LEASE_SECONDS), QUIET_SECONDS=str(QUIET_SECONDS))
        dice = random.Random(options.seed)  # noqa: S311
        cleanup, operator = _launch(due)
        returned = set(dice.sample(due, int(len(due) * RETURNING)))
        for username in returned:
            _order(f"{url}/_sandbox/users/{quote(username)}", {"last_seen_at": "now"})
        _order(f"{url}/_sandbox/faults", _faults(dice, cases=options.cases, percent=options.faults))
        began = time.monotonic()
        with Workers(options.workers) as workers:
            resumed = _watch(cleanup, operator, workers, dice, until=began + options.minutes * 60)
        figures = {"cases": len(due), "workers": options.workers, "seconds": round(time.monotonic() - began)}
        figures |= {"kills": workers.kills, "resumed by the operator": resumed}
        return _report(figures, cleanup, returned, deletes=_ask(f"{url}/_sandbox/")["deletes"])


def _options() -> argparse.Namespace:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--cases", type=int, default=5000)
    cli.add_argument("--workers", type=int, default=4)
    cli.add_argument("--faults", type=float, default=5, help="per cent of the requests about one account")
    cli.add_argument("--minutes", type=float, default=10, help="the longest that it may take")
    cli.add_argument("--seed", type=int, default=1)
    cli.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    return cli.parse_args()


def _work() -> None:
    """What a worker does until it is killed, or its parent is gone."""
    import django

    django.setup()
    from accounts_review.models import Workspace
    from accounts_review.tasks import actions

    parent = os.getppid()
    while os.getppid() == parent:
        actions.revoke_due(Workspace.objects.get(), budget=timedelta(seconds=5))
        time.sleep(0.1)
    sys.exit(0)


def _people(due: Sequence[str], folder: Path) -> Path:
    """A fixtures file for the sandbox: those to go, a few more who stay, and the robot."""
    from huwise_sandbox import records

    now = datetime.now(UTC)

    def user(username: str, idle: int, **fields: Any) -> dict[str, Any]:
        joined, seen = (records.instant(now - timedelta(days=days)) for days in (idle + 365, idle))
        record = records.user(username, f"{username}@ville.example", joined_at=joined, last_seen_at=seen, **fields)
        return {"user": record}

    staying = [user(f"stays.{number:05d}", 3) for number in range(len(due) + 20)]
    robot = user("svc.cleanup", 0, permissions=["edit_domain"]) | {"context": {"is_caller": True}}
    people = [robot, *(user(username, 1000) for username in due), *staying]
    path = folder / "people.json"
    path.write_text(json.dumps({"archetypes": people, "groups": []}))
    return path


def _launch(due: Sequence[str]) -> tuple[Cleanup, User]:
    """Sync, approve those to go, and launch a live clean-up without a notice."""
    from django.contrib.auth.models import User
    from django.db import transaction
    from django.utils.timezone import now

    from accounts_review.models import Account, Role
    from accounts_review.models import Workspace as Model
    from accounts_review.tasks import actions
    from accounts_review.workflow import workspaces
    from accounts_review.workflow.launch import launch
    from accounts_review.workflow.policy.activate import put_in_force
    from accounts_review.workflow.review import decide

    operator = User.objects.create(username="soak")
    Role.objects.create(person=operator, name="administrator")
    workspace = workspaces.open_workspace(name="main", now=now())
    with transaction.atomic():
        put_in_force(workspace, POLICY, login="soak", reason="soak", now=now())
    workspaces.set_mode(workspace=workspace, mode=Model.Mode.LIVE, actor=operator, now=now())
    actions.sync(workspace.pk)
    accounts = list(Account.objects.filter(username__in=due))
    cases = decide.approve(accounts=accounts, actor=operator, reason="soak", now=now())
    return launch.launch(cleanup=cases[0].cleanup, actor=operator, now=now()), operator


def _faults(dice: random.Random, *, cases: int, percent: float) -> list[dict[str, Any]]:
    """Which of the DELETEs and last looks go wrong, and how; each fault strikes once."""
    faults: list[dict[str, Any]] = []
    for method, kinds in (("DELETE", DELETES), ("GET", {"500": 1, "cut_before": 1})):
        for after in range(cases * 2):
            if dice.random() * 100 >= percent:
                continue
            kind = dice.choices(list(kinds), list(kinds.values()))[0]
            how: dict[str, Any] = {"kind": "status", "status": 500} if kind == "500" else {"kind": kind}
            how |= {"seconds": dice.uniform(0.2, 1.5)} if kind == "latency" else {}
            faults.append({"method": method, "path": "/users/due.*", "after": after, "times": 1} | how)
    return faults


def _watch(cleanup: Cleanup, operator: User, workers: Workers, dice: random.Random, *, until: float) -> int:
    """Kill a worker now and then, resume what stopped, until all cases have ended; returns how often it stopped."""
    from django.utils.timezone import now

    from accounts_review.workflow.launch import launch

    resumed, next_kill = 0, time.monotonic() + 2
    while cleanup.cases.open().exists() and time.monotonic() < until:
        time.sleep(0.25)
        if time.monotonic() >= next_kill:
            workers.kill_one(dice)
            next_kill = time.monotonic() + dice.uniform(1.5, 4)
        cleanup.refresh_from_db()
        if cleanup.state == "paused":
            launch.resume(cleanup=cleanup, actor=operator, reason="the faults are known", now=now())
            resumed += 1
    return resumed


def _report(figures: dict[str, Any], cleanup: Cleanup, returned: set[str], *, deletes: list[dict[str, Any]]) -> int:
    """Hold the truth against the ledger, print the figures, and say whether all is well."""
    from accounts_review import audit
    from accounts_review.models import AuditEntry

    states = dict(cleanup.cases.values_list("account__username", "state"))
    removed = Counter(entry["username"] for entry in deletes if entry["removed"])
    sent = Counter(entry["username"] for entry in deletes)
    subjects = AuditEntry.objects.filter(kind="case.intended").values_list("subject", flat=True)
    intents = Counter(subjects)
    ledger = {username for username, state in states.items() if state == "revoked"}
    wrong = {username for username in removed if username not in states or username in returned}
    faulty = {
        "repeated DELETEs per intent": sum((sent - intents).values()),
        "removed more than once": sum(count - 1 for count in removed.values()),
        "wrong deletions": len(wrong),
        "ledger and truth disagree": len(ledger ^ set(removed)),
        "returned but not spared": sum(states[username] != "spared" for username in returned),
        "stuck cases": cleanup.cases.open().count(),
        "flaws in the audit": int(audit.verify()[1] is not None),
    }
    figures |= {"DELETEs": sent.total(), "intents": intents.total(), "returned": len(returned)}
    figures |= {f"DELETEs answered {status}": n for status, n in Counter(str(d["status"]) for d in deletes).items()}
    figures |= {f"cases {state}": number for state, number in Counter(states.values()).most_common()}
    figures |= {"cases settled by reading": cleanup.cases.filter(outcome__inferred=True).count()}
    for name, figure in (figures | faulty).items():
        sys.stdout.write(f"{name:32}{figure:>8}\n")
    return 1 if any(faulty.values()) else 0


def _ask(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 (loopback)
        content: dict[str, Any] = json.load(answer)
        return content


def _order(url: str, order: object) -> None:
    request = urllib.request.Request(url, data=json.dumps(order).encode(), method="POST")  # noqa: S310 (loopback)
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310 (loopback)
        return


if __name__ == "__main__":
    sys.exit(main())
