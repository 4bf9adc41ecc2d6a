"""A live clean-up of so many of the bench's dormant people, approved in portions, as the worker does."""

from __future__ import annotations

from typing import Any

POLICY = """
title = "Bench"
[[segment]]
name = "everyone"
dormant_after_days = 730
[protect]
permissions = ["edit_domain"]
[notice]
days = {days}
[launch]
wait_hours = 0
[limits]
per_cleanup = 10000
per_hour = 100000
share_of_population = 0.5
"""
PORTION = 250


def launch(count: int, days: int) -> int:
    """Approve so many and launch; they are warned ``days`` before, or due at once. Returns how many there were."""
    from django.contrib.auth.models import User
    from django.db import transaction
    from django.utils.timezone import now

    from accounts_review.models import Account, Case, Workspace
    from accounts_review.workflow import workspaces
    from accounts_review.workflow.assess import assess
    from accounts_review.workflow.launch import launch
    from accounts_review.workflow.policy.activate import put_in_force
    from accounts_review.workflow.review import decide

    workspace = Workspace.objects.get()
    actor = User.objects.filter(username="bench").first() or User.objects.create_superuser("bench")
    with transaction.atomic():
        put_in_force(workspace, POLICY.format(days=days), login="bench", reason="bench", now=now())
    assess.assess(workspace=workspace)
    if not workspace.is_live:
        workspaces.set_mode(workspace=workspace, mode=Workspace.Mode.LIVE, actor=actor, now=now())
    dormant: Any = Account.objects.filter(workspace=workspace).reviewable().whose_verdict("dormant", now=now())
    free = dormant.exclude(pk__in=Case.objects.values("account")).order_by("pk")
    chosen = list(free.values_list("pk", flat=True)[:count])
    cases: list[Case] = []
    for start in range(0, len(chosen), PORTION):
        keys = chosen[start : start + PORTION]
        accounts = list(Account.objects.filter(pk__in=keys).assessed().with_verdict(now()))
        cases += decide.approve(accounts=accounts, actor=actor, reason="bench", now=now())
    launch.launch(cleanup=cases[0].cleanup, actor=actor, now=now())
    # Some may have been in the draft before.
    return Case.objects.filter(cleanup=cases[0].cleanup).open().count()


def end() -> None:
    """Cancel what runs, so that what is measured next stands alone."""
    from django.contrib.auth.models import User
    from django.utils.timezone import now

    from accounts_review.models import Cleanup
    from accounts_review.workflow.launch import launch

    for cleanup in Cleanup.objects.filter(state="running"):
        launch.cancel(cleanup=cleanup, actor=User.objects.get(username="bench"), reason="bench", now=now())
