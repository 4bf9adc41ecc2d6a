"""What was known of an account when it was decided on: read from the audit, whatever is true today."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Workspace
from accounts_review.workflow.people.people import add_person, grant
from accounts_review.workflow.review import decide
from tests.factories import make_group
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("auditor")


@pytest.fixture
def ana(site: Site) -> Account:
    """Somebody whose rights, address and dates are others today than when they were decided on."""
    make_group(site.workspace, "readers", permissions=[])
    [account] = site.people("ana", groups=["readers"], permissions=["explore_restricted_dataset"])
    return account


def entry_of(account: Account, kind: Event) -> AuditEntry:
    return AuditEntry.objects.get(account_id=account.pk, kind=kind)


def page(site: Site, entry: AuditEntry) -> str:
    answer = site.get("known_then", pk=entry.account_id, seq=entry.seq)
    assert answer.status_code == 200
    return text(answer)


def test_it_shows_facts_rights_policy_and_role_as_they_stood(site: Site, ana: Account) -> None:
    added = add_person(
        login="rita", email="rita@x.example", role="reviewer", workspace=None, actor=None, now=now()
    ).person
    judged_under = site.workspace.current_policy.number
    decide.approve(accounts=[ana], actor=added, reason="not in the staff list", now=now())
    site.adopt(limit=400)
    grant(person=added, role="auditor", workspace=None, actor=site.person("administrator"), now=now())
    Account.objects.filter(pk=ana.pk).update(groups=["others"], email="new@x.example", digest="0" * 64)

    said = page(site, entry_of(ana, Event.ACCOUNT_APPROVED))

    assert "Approved for the next clean-up: not in the staff list" in said
    assert "Role then: Reviewer" in said
    assert "2 years, 8 months ago" in said
    assert ">readers<" in said.replace(" ", "")
    assert "explore_restricted_dataset" in said
    assert "ana@" in said
    assert not any(later in said for later in ("others<", "new@x.example"))
    assert "The record has changed since." in said
    assert f"version {judged_under}</a>" in said
    assert "replaced since" in said


@pytest.mark.parametrize("act", ["exempt", "snooze"])
def test_whoever_keeps_somebody_is_shown_with_what_they_saw_too(site: Site, ana: Account, act: str) -> None:
    given: dict[str, Any] = {"accounts": [ana], "actor": site.person("reviewer"), "reason": "on leave", "now": now()}
    if act == "exempt":
        decide.exempt(until=now() + timedelta(days=30), **given)
    else:
        decide.snooze(**given)
    said = page(site, AuditEntry.objects.get(account_id=ana.pk))
    assert "2 years, 8 months ago" in said
    assert "still the same" in said
    assert "explore_restricted_dataset" in said


def test_an_entry_without_facts_names_the_one_before_that_has_them(site: Site, ana: Account) -> None:
    reviewer = site.person("reviewer")
    decide.approve(accounts=[ana], actor=reviewer, reason="left", now=now())
    decide.withdraw(accounts=[ana], actor=reviewer, reason="a mistake", now=now())
    approved = entry_of(ana, Event.ACCOUNT_APPROVED)
    said = page(site, entry_of(ana, Event.ACCOUNT_WITHDRAWN))
    assert f"entry {approved.seq} of" in said
    assert "What had happened before" in said
    assert f'id="entry-{approved.seq}"' in said
    assert "1 later entry" in page(site, approved)
    assert f'id="entry-{approved.seq + 1}"' not in page(site, approved)


def test_pages_lead_to_it(site: Site, ana: Account) -> None:
    decide.approve(accounts=[ana], actor=site.person("reviewer"), reason="left", now=now())
    entry, case = entry_of(ana, Event.ACCOUNT_APPROVED), site.case("ana")
    there = site.at("known_then", pk=ana.pk, seq=entry.seq)
    for where in (
        site.get("account", pk=ana.pk),
        site.get("audit", {"seq": entry.seq}),
        site.get("case", number=case.cleanup.number, pk=case.pk),
    ):
        assert there in text(where)


def test_an_entry_about_somebody_else_is_not_found(site: Site, ana: Account) -> None:
    [ben] = site.people("ben")
    decide.approve(accounts=[ben], actor=site.person("reviewer"), reason="left", now=now())
    assert site.get("known_then", pk=ana.pk, seq=entry_of(ben, Event.ACCOUNT_APPROVED).seq).status_code == 404
