"""On whom somebody decided is counted as looking at each account counts them, whatever happens in whatever order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts_review.models import Account, Assessment, DormancyCount, Workspace
from accounts_review.web.review import decided, plain
from accounts_review.web.review.counts import Counts, counts_by_segment
from accounts_review.web.review.plain import ends_of
from accounts_review.web.review.selection import filtered
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from tests.stage import SetStage, Stage, days_ago, someone

IDLE = (100, 729.5, 731, 800, 900, 1000, 1100)
SIZE = len(IDLE) + 1


def keep_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few are kept as very many are."""
    monkeypatch.setattr(decided, "FEW", -1)
    monkeypatch.setattr(decided, "_KEPT", {})


def one_by_one(workspace: Workspace, *, now: Any, is_unused: bool = False) -> dict[str, Counts]:
    """The truth: each account is looked at."""
    found: dict[str, Counts] = {}
    for account in Account.objects.filter(workspace=workspace).reviewable().with_verdict(now):
        if is_unused and not account.assessment.never_used:
            continue
        counts = found.setdefault(account.assessment.segment, Counts())
        counts.totals[account.verdict] += 1
        if not (account.case_state or account.snoozed_by or account.exempt_until):
            counts.still_open[account.verdict] += 1
    return found


def bare(found: dict[str, Counts]) -> dict[str, tuple[Counter[str], Counter[str]]]:
    return {name: (+each.totals, +each.still_open) for name, each in found.items()}


def is_right(stage: Stage) -> bool:
    workspace, now = Workspace.objects.get(), stage.clock()
    for is_unused in (False, True):
        counted = counts_by_segment(workspace, now=now, is_unused=is_unused)
        assert bare(counted) == bare(one_by_one(workspace, now=now, is_unused=is_unused))
    return are_listed(workspace, now=now)


def are_listed(workspace: Workspace, *, now: Any) -> bool:
    """The list open for decision begins with whoever comes first, and those decided are all on theirs."""
    everyone = list(Account.objects.filter(workspace=workspace).reviewable().with_verdict(now))
    is_decided = {each.pk: bool(each.case_state or each.snoozed_by or each.exempt_until) for each in everyone}
    opened = [each for each in everyone if each.verdict == "dormant" and not is_decided[each.pk]]
    opened.sort(key=lambda each: (each.assessment.dormant_from, each.pk))
    found = filtered(QueryDict(""), workspace=workspace, now=now)
    ends = ends_of(found)
    assert ends is not None
    assert ends("", False, 3) == [each.pk for each in opened][:3]
    decided_on = filtered(QueryDict("verdict=all&state=decided"), workspace=workspace, now=now)
    assert {each.pk for each in decided_on.qs} == {key for key, is_so in is_decided.items() if is_so}
    return True


def those(stage: Stage, number: int) -> list[Account]:
    names = [f"n{number % SIZE}", f"n{number // SIZE % SIZE}"]
    accounts = Account.objects.filter(username__in=names).assessed().with_verdict(stage.clock())
    return list(accounts.order_by("pk"))


def approve(stage: Stage, number: int) -> None:
    decide.approve(accounts=those(stage, number), actor=stage.staff("operator"), reason="idle", now=stage.clock())


def exempt(stage: Stage, number: int) -> None:
    until = stage.clock() + timedelta(seconds=(4, 40, 90_000)[number % 3])
    decide.exempt(
        accounts=those(stage, number), actor=stage.staff("operator"), reason="away", until=until, now=stage.clock()
    )


def snooze(stage: Stage, number: int) -> None:
    decide.snooze(accounts=those(stage, number), actor=stage.staff("operator"), now=stage.clock())


def withdraw(stage: Stage, number: int) -> None:
    decide.withdraw(accounts=those(stage, number), actor=stage.staff("operator"), reason="no", now=stage.clock())


def revoke(stage: Stage, number: int) -> None:
    if draft := stage.workspace.cleanups.filter(state="draft").first():
        launch.launch(cleanup=draft, actor=stage.staff("operator"), now=stage.clock())
    stage.revoke(limit=1 + number % 2)


def judge_otherwise(stage: Stage, number: int) -> None:
    if (name := f"n{number % 3}") in stage.members:
        stage.update(name, last_seen_at=days_ago(number * 20))
    stage.sync()


def wait(stage: Stage, number: int) -> None:
    stage.clock.advance(seconds=(1, 3, 3600, 40_000)[number % 4])


STEPS: list[Callable[[Stage, int], None]] = [approve, exempt, snooze, withdraw, approve, revoke, judge_otherwise, wait]
REFUSALS = decide.DecisionRefused, launch.CannotLaunch


@settings(
    max_examples=5,
    phases=(Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 59)), min_size=8, max_size=25))
def check(stage: Stage, steps: list[tuple[Callable[[Stage, int], None], int]]) -> None:
    for step, number in steps:
        with suppress(*REFUSALS):
            step(stage, number)
        assert is_right(stage)


def test_counted_are_those_who_are_found_one_by_one(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_all(monkeypatch)
    people = [someone(f"n{number}", idle=idle) for number, idle in enumerate(IDLE)]
    unseen: dict[str, Any] = {"last_seen_at": None, "last_login_at": None}
    stage = set_stage(*people, someone("n7", idle=500, **unseen), synced=True, others=30)
    check(stage)


def test_after_a_decision_nobody_else_is_looked_at(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_all(monkeypatch)
    stage = set_stage(*(someone(f"n{number}", idle=1000) for number in range(4)), synced=True)
    stage.approve("n0")
    assert is_right(stage)

    monkeypatch.setattr(decided, "_look", None)
    for name in ("n1", "n2"):
        stage.approve(name)
        assert is_right(stage)
    decide.withdraw(accounts=stage.accounts("n0"), actor=stage.staff("operator"), reason="no", now=stage.clock())
    assert is_right(stage)


def test_those_before_the_first_who_is_open_are_not_looked_at_again(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_all(monkeypatch)
    stage = set_stage(*(someone(f"n{number}", idle=1000 - number) for number in range(4)), synced=True)
    stage.approve("n0", "n1")
    assert is_right(stage)
    known = decided.remembered(stage.workspace, now=stage.clock())
    assert known is not None
    [account] = stage.accounts("n2")
    assert known.first_open == (account.assessment.dormant_from, account.pk - 1)

    decide.withdraw(accounts=stage.accounts("n0"), actor=stage.staff("operator"), reason="no", now=stage.clock())
    assert is_right(stage), "whoever was undone comes first"
    decided.keep_first_open(known, (stage.clock(), 0))
    assert is_right(stage), "what another saw before that does not count"


def test_what_was_seen_before_accounts_were_judged_again_does_not_count(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that reads the list takes a while; meanwhile a judgement may move somebody to its start."""
    keep_all(monkeypatch)
    stage = set_stage(*(someone(f"n{number}", idle=1000 - number) for number in range(4)), synced=True)
    stage.approve("n0", "n1")
    assert is_right(stage)
    monkeypatch.setattr(decided, "_KEPT", {})
    keep = decided.keep_first_open

    def keep_late(*args: Any, **kwargs: Any) -> None:
        Assessment.objects.filter(account__username="n3").update(dormant_from=days_ago(2000))
        DormancyCount.objects.gather(stage.workspace)
        counts_by_segment(stage.workspace, now=stage.clock())
        keep(*args, **kwargs)

    monkeypatch.setattr(plain, "keep_first_open", keep_late)
    found = filtered(QueryDict(""), workspace=stage.workspace, now=stage.clock())
    assert found.tabs()
    ends = ends_of(found)
    assert ends is not None
    ends("", False, 3)
    monkeypatch.setattr(plain, "keep_first_open", keep)

    assert is_right(stage)


def test_what_was_seen_as_of_an_instant_before_an_exemption_ended_does_not_count(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_all(monkeypatch)
    stage = set_stage(*(someone(f"n{number}", idle=1000 - number) for number in range(4)), synced=True)
    until, before = stage.clock() + timedelta(days=1), stage.clock() + timedelta(days=1, seconds=-1)
    accounts, actor = stage.accounts("n0"), stage.staff("operator")
    decide.exempt(accounts=accounts, actor=actor, reason="wait", until=until, now=stage.clock())
    found = filtered(QueryDict(""), workspace=stage.workspace, now=before)
    assert found.tabs()
    stage.clock.advance(days=1)
    counts_by_segment(stage.workspace, now=stage.clock())
    ends = ends_of(found)
    assert ends is not None
    ends("", False, 3)

    assert is_right(stage)


def test_limits_that_pass_and_exemptions_that_end_are_seen_at_once(
    set_stage: SetStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_all(monkeypatch)
    stage = set_stage(someone("n0", idle=730 - 9 / 86_400), someone("n1", idle=900), someone("n2"), synced=True)
    stage.approve("n2")
    assert is_right(stage)
    for name, seconds in (("n0", 15), ("n1", 5)):
        until, by = stage.clock() + timedelta(seconds=seconds), stage.staff("operator")
        decide.exempt(accounts=stage.accounts(name), actor=by, reason="away", until=until, now=stage.clock())
        assert is_right(stage)

    for _second in range(20):
        stage.clock.advance(seconds=1)
        assert is_right(stage)


def test_the_database_expects_as_many_as_there_are_although_it_knows_nothing_of_the_versions(
    set_stage: SetStage,
) -> None:
    """It looks through small tables by itself only once 50 rows have changed: expecting one, it finds all of a million
    before it takes the first thousand."""
    stage = set_stage(*(someone(f"n{n}", last_seen_at=days_ago(1000)) for n in range(200)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_review_account, accounts_review_assessment")

    [told] = json.loads(decided.judged_in(Assessment.objects.all(), stage.workspace.pk).explain(format="json"))

    assert told["Plan"]["Plan Rows"] > 100
