"""What leads the overview: one line with one button, how far the work has come, and the next 30 days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts_review.models import Workspace
from accounts_review.models.prepared import Prepared
from accounts_review.web.shared import navigation
from accounts_review.workflow.review import decide
from tests.stage import NOW, SetStage, policy_text, someone
from tests.web.kit import invited, read, sign_in
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    site = Site(client, workspace, person).sign_in("reviewer")
    site.synced()
    return site


def led(site: Site) -> tuple[str, str]:
    """The line, and where its button leads."""
    lead = site.get("overview").context["lead"]
    return (lead.text, lead.url) if lead else ("", "")


def steps(site: Site) -> dict[str, tuple[str, str]]:
    return {step.title: (step.state, step.said) for step in site.get("overview").context["steps"]}


def test_whoever_waits_for_a_decision_comes_first(site: Site) -> None:
    site.draft("ana")
    site.people("ben", "cy")

    assert led(site) == ("2 accounts can be cleaned up", site.at("review"))
    assert text(site.get("overview")).partition("<main")[2].count("btn-primary btn-lg") == 1
    assert steps(site)["Review"] == ("now", "2 to decide")
    assert steps(site)["Draft"] == ("now", "1 account")


def test_then_the_draft(site: Site) -> None:
    cleanup = site.draft("ana")

    assert led(site) == ("1 account is approved and not launched", site.at("cleanup", number=cleanup.number))
    assert steps(site)["Review"] == ("done", "every account has a decision")


def test_of_very_many_in_the_draft_it_is_said_that_there_are_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.draft("ana", "ben", "cy")
    monkeypatch.setattr(navigation, "MOST_IN_DRAFT", 2)
    asked = Prepared(navigation._look_up, person=int, just_now=datetime)
    monkeypatch.setattr(navigation, "_LOOK_UP", asked)
    monkeypatch.setattr(navigation, "_DRAFT", Prepared(navigation._DRAFT.build, workspace=int))

    assert led(site)[0] == "2+ accounts are approved and not launched"
    assert "Draft · 2+" in text(site.get("overview"))
    accounts = site.people("dan")
    answer = site.post("decide", {"decision": "approve", "reason": "left", "account": [accounts[0].pk]})
    assert answer.status_code == 302
    assert "1 approved. 2+ in the draft." in text(site.get("review"))


def test_then_what_is_under_way(site: Site) -> None:
    cleanup = site.launched("ana")

    assert led(site) == ("Clean-up 1 is under way", site.at("cleanup", number=cleanup.number))
    assert steps(site)["Launch"] == ("now", "1 under way")


def test_nothing_to_do_is_said(site: Site) -> None:
    site.people("ana", idle=1)

    page = site.get("overview")

    assert page.context["lead"] is None
    assert "Nothing to clean up today" in text(page)
    assert "Nothing is due" in text(page)


def test_an_auditor_is_asked_to_look_and_not_to_approve(site: Site) -> None:
    site.people("ana")

    assert site.sign_in("auditor").get("overview").context["lead"].link == "See who"


def coming(page: Any) -> list[tuple[str, str]]:
    return [(each.when, each.said) for each in page.context["coming"]]


def test_the_next_30_days_are_told_by_date(site: Site) -> None:
    site.go_live()
    site.launched("ana", "ben")
    site.put("ana", "noticed", promised_at=now() + timedelta(days=12))
    site.put("ben", "noticed", promised_at=now() + timedelta(days=40))
    (cy,) = site.people("cy")
    decide.exempt(
        accounts=[cy], actor=site.person("reviewer"), reason="leave", until=now() + timedelta(days=3), now=now()
    )
    site.people("dee", idle=730 - 10)

    found = [said for _when, said in coming(site.get("overview"))]

    assert found == [
        "1 exemption ends within 30 days",
        "The notice period of 1 person in clean-up 1 ends",
        "1 more account will have passed its limit if it stays idle",
    ]
    assert steps(site)["Launch"][1].startswith("next on ")


def test_people_who_wait_for_the_hours_limit_are_in_it(
    set_stage: SetStage, client: Client, person: Callable[[str], User]
) -> None:
    stage = set_stage(someone("marie"), someone("ana"), someone("omar"))
    stage.adopt(policy_text(per_hour=1))
    stage.launch("marie", "ana", "omar")
    with time_machine.travel(NOW + timedelta(minutes=57), tick=False):
        stage.revoke()
        sign_in(client, person("auditor"))
        page = client.get(reverse("overview", args=["main"]))

    assert [(when, said) for when, said in coming(page) if "continues" in said] != []
    assert "Hourly limit reached" in text(page)
    assert any("Hourly limit reached" in need.text for need in page.context["needs"])


def test_a_workspace_called_cleanups_is_no_cleanup(site: Site) -> None:
    Workspace.objects.filter(pk=site.workspace.pk).update(name="cleanups")
    site.workspace.refresh_from_db()
    (ana,) = site.people("ana")
    until = now() + timedelta(days=3)
    decide.exempt(accounts=[ana], actor=site.person("reviewer"), reason="leave", until=until, now=now())

    assert coming(site.get("overview"))
    assert steps(site)["Launch"][1] == "none"


def test_a_review_can_start_with_a_list_that_has_somebody_in_it(site: Site) -> None:
    site.people("ana", "ben")
    assert site.get("overview").context["starts"] == []

    read(site.workspace, invited("cy", days=500), invited("dan", days=200))
    (start,) = site.get("overview").context["starts"]

    assert (start.name, start.count) == ("Invited over a year ago, never signed in", 1)
    assert [account.username for account in site.client.get(start.url).context["object_list"]] == ["cy"]
