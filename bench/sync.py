"""Sync: reading and judging, beside the script that people run today; then a new policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import naive
from frame import Cost, Figure, Ground, cost_of

SCRIPT = "the naive script"


def measure(ground: Ground) -> Iterator[Figure]:
    script = cost_of(naive.read_all, ground.url, str(ground.folder / "idle.csv"))
    yield Figure(SCRIPT, against="itself", ratio=1, cost=script)
    given = ground.folder / "policy.toml"
    given.write_text(ground.shape.policy)
    cost_of(open_workspace, str(given))
    yield from _beside(script, "first sync with judging", cost_of(sync), target=4, most=300)
    yield from _beside(script, "sync, nothing changed", cost_of(sync), target=0.7, most=250)
    httpx.post(f"{ground.url}/change?share=0.001&day=1", timeout=600)
    yield from _beside(script, "sync, 0.1 % changed", cost_of(sync), target=0.8, most=250)
    for name, share in (("a policy that moves few", 50), ("a policy that moves many", 400)):
        given.write_text(ground.shape.policy.replace("dormant_after_days = 730", f"dormant_after_days = {730 - share}"))
        yield from _beside(script, name, cost_of(load_policy, str(given)), target=1 if share < 100 else 2)


def _beside(script: Cost, name: str, cost: Cost, *, target: float, most: float | None = None) -> Iterator[Figure]:
    yield Figure(name, against=SCRIPT, ratio=cost.wall / script.wall, target=target, cost=cost)
    yield Figure(f"{name}: CPU", against=SCRIPT, ratio=cost.cpus / script.cpus)
    if most:
        yield Figure(f"{name}: memory", against="", ratio=cost.peak, target=most, unit="MB")


def open_workspace(policy: str) -> None:
    """The workspace, under the policy of the shape; nobody has been read yet."""
    from accounts_review.tasks import sources

    sources.known_workspaces()
    load_policy(policy)


def sync() -> dict[str, int]:
    """What the command does, and the nightly job: read, then judge."""
    from accounts_review.models import Workspace
    from accounts_review.tasks import actions

    found = actions.sync(Workspace.objects.get().pk)
    assert found.state == "complete", found.problems  # noqa: S101
    return {"read": found.read, "added": found.added, "changed": found.changed}


def load_policy(policy: str) -> None:
    from django.core.management import call_command

    with Path("/dev/null").open("w") as nowhere:
        call_command("load_policy", policy, stdout=nowhere)
