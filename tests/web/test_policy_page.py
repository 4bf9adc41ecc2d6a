"""The policy page: nothing comes into force before its consequences were shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Account, AuditEntry, Workspace
from accounts_review.policy import DEFAULT_TEXT, parse
from accounts_review.web.views.policy import difference
from accounts_review.workflow import assess, review
from tests.stage import policy_text
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("administrator")


def send(site: Site, written: str, **more: Any) -> Any:
    over = site.workspace.current_policy.number
    return site.post("policy", {"text": written, "reason": "says the DPO", "over": over, **more})


def test_who_may_not_edit_reads(site: Site) -> None:
    page = site.sign_in("auditor").get("policy").content
    assert b"readonly" in page
    assert b"Preview the change" not in page


def test_the_preview_counts_who_would_move_and_changes_nothing(site: Site) -> None:
    site.people("ana", "ben", idle=400)
    site.people("cy", idle=400, permissions=["edit_domain"])
    page = send(site, policy_text(limit=365))
    moves = {(move.before, move.after): move.count for move in page.context["moves"]}
    assert moves == {("active", "dormant"): 2, ("active", "protected"): 1}
    assert site.workspace.current_policy.number == 1
    assert assess.tally(workspace=site.workspace, now=now()) == {"active": 3}


def test_the_preview_leaves_those_who_are_exempt_protected(site: Site) -> None:
    (ana,) = site.people("ana")
    until = now() + timedelta(days=30)
    review.exempt(accounts=[ana], actor=site.person("reviewer"), reason="leave", until=until, now=now())
    assert send(site, policy_text(limit=365)).context["moves"] == []
    assert assess.preview(workspace=site.workspace, rules=parse(policy_text(limit=9000)), now=now()) == {
        ("protected", "active"): 1
    }


def test_the_preview_and_what_comes_true_agree(site: Site) -> None:
    for idle in (10, 100, 300, 500, 1000):
        site.people(f"person.{idle}", idle=idle)
    listed = Account.objects.filter(workspace=site.workspace).listed().assessed()
    before = listed.with_verdict(now()).verdicts()
    foreseen = assess.preview(workspace=site.workspace, rules=parse(policy_text(limit=200)), now=now())
    site.adopt(limit=200)
    after = listed.with_verdict(now()).verdicts()
    moved = [(before[pk], verdict) for pk, verdict in after.items() if before[pk] != verdict]
    assert foreseen == {move: moved.count(move) for move in moved}


def test_activating_puts_it_in_force_and_judges_anew(site: Site) -> None:
    site.people("ana", idle=400)
    answer = send(site, policy_text(limit=365), activate="1")
    assert answer.status_code == 302
    version = site.workspace.current_policy
    assert (version.number, version.reason, version.activated_by) == (2, "says the DPO", "administrator")
    assert assess.tally(workspace=site.workspace, now=now()) == {"dormant": 1}
    assert AuditEntry.objects.filter(kind="policy.adopted", actor="administrator").exists()


@pytest.mark.parametrize("step", [{}, {"activate": "1"}])
def test_every_fault_is_named_with_its_line(site: Site, step: dict[str, str]) -> None:
    broken = DEFAULT_TEXT.replace("per_hour", "per_huor").replace(
        "share_of_population = 0.25", "share_of_population = 9"
    )
    page = send(site, broken, **step)
    assert [(fault.line, fault.key) for fault in page.context["faults"]] == [
        (DEFAULT_TEXT.splitlines().index("per_hour = 200") + 1, "limits.per_huor"),
        (DEFAULT_TEXT.splitlines().index("share_of_population = 0.25") + 1, "limits.share_of_population"),
    ]
    assert "The text has 2 faults; nothing was changed." in text(page)
    assert page.context["form"]["text"].value() == broken
    assert site.workspace.current_policy.number == 1


def test_a_reason_is_needed(site: Site) -> None:
    page = site.post("policy", {"text": DEFAULT_TEXT, "reason": " ", "over": 1, "activate": "1"})
    assert page.context["form"].errors["reason"]
    assert site.workspace.current_policy.number == 1


@pytest.mark.parametrize("step", [{}, {"activate": "1"}])
def test_a_text_over_an_old_version_is_refused_and_kept(site: Site, step: dict[str, str]) -> None:
    site.adopt(limit=500)
    mine = policy_text(limit=365)
    page = site.post("policy", {"text": mine, "reason": "mine", "over": 1, **step})
    assert page.status_code == 409
    assert "Another version came into force" in text(page)
    assert page.context["form"]["text"].value().strip() == mine.strip()
    assert page.context["form"]["over"].value() == 2
    assert site.workspace.current_policy.number == 2


def test_lines_are_kept_as_a_browser_sends_them(site: Site) -> None:
    send(site, DEFAULT_TEXT.replace("\n", "\r\n").replace("730", "731"), activate="1")
    assert site.workspace.current_policy.text == DEFAULT_TEXT.replace("730", "731")


def test_the_history_shows_what_changed(site: Site) -> None:
    send(site, DEFAULT_TEXT.replace("= 730", "= 365"), activate="1")
    history = site.get("policy").context["history"]
    assert [revision.version.number for revision in history] == [2, 1]
    changed = [(line.kind, line.text) for line in history[0].difference if line.kind in ("added", "removed")]
    assert changed == [("removed", "-dormant_after_days = 730"), ("added", "+dormant_after_days = 365")]
    assert 'id="version-2"' in text(site.get("policy"))


def test_the_same_text_differs_in_nothing() -> None:
    assert difference(DEFAULT_TEXT, DEFAULT_TEXT) == []


def test_what_people_wrote_is_never_markup(site: Site) -> None:
    page = site.post("policy", {"text": f"# {HOSTILE}\n{DEFAULT_TEXT}", "reason": HOSTILE, "over": 1})
    assert HOSTILE.encode() not in page.content
    site.post("policy", {"text": f"# {HOSTILE}\n{DEFAULT_TEXT}", "reason": HOSTILE, "over": 1, "activate": "1"})
    assert HOSTILE.encode() not in site.get("policy").content
    assert HOSTILE.encode() not in site.post("policy", {"text": HOSTILE, "reason": "x", "over": 2}).content


def test_nobody_else_can_send_one(site: Site) -> None:
    site.sign_in("operator")
    assert send(site, policy_text(limit=365), activate="1").status_code == 403
    assert site.workspace.current_policy.number == 1
