"""Erasing takes a name out of what was written, whatever the name is, and touches no code, key, role or setting."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import (
    Account,
    AuditEntry,
    Case,
    Cleanup,
    DecisionFile,
    HeldSync,
    Hold,
    Role,
    SavedView,
    Workspace,
)
from accounts_review.workflow.notify import own_texts
from accounts_review.workflow.retention.erase import erase_accounts, erase_person
from accounts_review.workflow.retention.terms import SearchTerms
from tests.factories import (
    NOW,
    give_role,
    make_account,
    make_case,
    make_cleanup,
    make_exemption,
    make_hold,
    make_saved_view,
    make_sync,
    make_workspace,
)

HOSTILE = (
    *("administrator", "operator", "live", "dry-run", "draft", "noticed", "revoked", "reason", "mail", "login", "code"),
    *("main", "active", "running", "username", "everyone", "portal", "paused", "100", "2026", "true", "null", "1"),
    *('"', "\\", "{}", "a|b", ".*", "%s", "verdict", "dormant", "approve", "email", "quarantined", "0.5"),
)


def gone(workspace: Workspace, username: str = "zq-4711", **columns: Any) -> Account:
    return make_account(workspace, username, gone_at=NOW, **columns)


def rows() -> dict[str, list[Any]]:
    """What must stay as it is."""
    kinds = (Workspace, Role, Cleanup, Case, Hold, HeldSync, DecisionFile, SavedView)
    found: dict[str, list[Any]] = {kind.__name__: list(kind._base_manager.order_by("pk").values()) for kind in kinds}
    found["User"] = list(User.objects.order_by("pk").values())
    found["details"] = [entry.details for entry in AuditEntry.objects.exclude(kind=Event.PERSON_ERASED)]
    return found


@pytest.fixture
def portal(workspace: Workspace) -> Workspace:
    """A portal with something in each table that holds codes."""
    marie = User.objects.create(username="marie", email="marie@portal.example")
    give_role(marie, "administrator")
    give_role(marie, "operator", workspace)
    ana = make_account(workspace, "ana", email="ana@x.example", display_name="Ana")
    cleanup = make_cleanup(workspace, state="paused", stopped_because={"code": "paused", "reason": "wait a bit"})
    make_case(cleanup, ana, state="noticed", outcome={"why": {"code": "revoked"}}, approved_by_login="marie")
    make_hold(workspace=workspace, details={"code": "live", "count": 100})
    sync = make_sync(workspace, state="quarantined", finished_at=NOW)
    held = HeldSync.objects.create(sync=sync, disputed={"ana": ["edit_domain"]})
    held.records.create(raw=json.dumps({"username": "ana", "email": "ana@x.example", "quota": 100}).encode())
    rows_of_file = [[2, "ana", "", "approve", "idle", "2026-12-01"]]
    common: dict[str, Any] = {"workspace": workspace, "uploaded_by": marie, "uploaded_at": NOW, "undecided": 0}
    DecisionFile.objects.create(**common, name="list.csv", digest="", rows=rows_of_file)
    make_saved_view(workspace, marie, name="Mine", query="verdict=dormant&q=ana")
    Workspace.objects.filter(pk=workspace.pk).update(mode="live", failure={"code": "live", "error": "it is slow"})
    data = {"reason": "idle", "mail": "Hello Ana", "login": "marie", "why": "noticed", "filter": "verdict=dormant"}
    audit.log([ana], kind=Event.ACCOUNT_SNOOZED, actor="marie", now=NOW, data=data)
    return workspace


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_somebody_is_called_nothing_else_changes(portal: Workspace, name: str) -> None:
    account = gone(portal, display_name=name)
    before = rows()
    erase_accounts([account], now=now())
    assert rows() == before
    assert audit.verify() == (AuditEntry.objects.count(), None)


@pytest.mark.parametrize("name", ["100", "true", "null", "reason", "Zebulon Quixote", "zq"])
def test_any_username_can_be_erased(portal: Workspace, name: str) -> None:
    account = gone(portal, name)
    before = rows()
    erase_accounts([account], now=now())
    assert Account.objects.get(pk=account.pk).username == f"erased-{account.pk}"
    assert rows() == before


def test_a_name_is_taken_out_of_what_was_written_in_its_workspace(portal: Workspace) -> None:
    other = make_workspace()
    account = gone(portal, display_name="Zebulon Quixote", email="z@x.example")
    here, there = make_account(portal, "here"), make_account(other, "there")
    exemptions = [
        make_exemption(one, reason="for\nZebulon Quixote", owner_email="z@x.example") for one in (here, there)
    ]
    Cleanup.objects.update(stopped_because={"code": "paused", "reason": "ask zebulon quixote, z@x.example"})
    held = HeldSync.objects.get()
    held.disputed |= {account.username: ["edit_domain"]}
    held.save()
    held.records.create(raw=json.dumps({"username": account.username}).encode())
    erase_accounts([account], now=now())
    for exemption in exemptions:
        exemption.refresh_from_db()
    assert [exemption.reason for exemption in exemptions] == ["for\nerased", "for\nZebulon Quixote"]
    assert [exemption.owner_email for exemption in exemptions] == ["erased", "z@x.example"]
    assert Cleanup.objects.get().stopped_because == {"code": "paused", "reason": "ask erased, erased"}
    assert (HeldSync.objects.get().disputed, held.records.count()) == ({"ana": ["edit_domain"]}, 1)


def test_entries_that_name_somebody_lose_their_details_in_their_workspace_only(portal: Workspace) -> None:
    other = make_workspace()
    account = gone(portal, display_name="Zebulon Quixote")
    told = {"reason": "as\nZebulon Quixote asked"}
    for row in (make_account(portal, "here"), make_account(other, "there")):
        audit.log([row], kind=Event.ACCOUNT_SNOOZED, actor="marie", now=NOW, data=told)
    erase_accounts([account], now=now())
    there, here = AuditEntry.objects.filter(kind=Event.ACCOUNT_SNOOZED)[:2]
    assert (there.details, here.details) == (told, {})
    assert AuditEntry.objects.filter(kind=Event.ACCOUNT_SNOOZED).order_by("seq")[0].details["reason"] == "idle"


def test_nothing_to_look_for_finds_nothing() -> None:
    for words in ([], ["", "jd"], ["Administrator"]):
        assert not SearchTerms.of(words)
        with pytest.raises(ValueError, match="nothing to look for"):
            _pattern = SearchTerms.of(words).pattern


def test_words_of_a_workspace_in_its_emails_stand_beside_the_chain_and_end(portal: Workspace) -> None:
    actor = User.objects.get(username="marie")
    texts = {"sender_name": "Zebulon Quixote", "reply_to": "z@x.example", "signature": "Zebulon Quixote, IT"}
    own_texts.save(workspace=portal, language="en", kind="", texts=texts, actor=actor, now=NOW)
    entry = AuditEntry.objects.get(kind=Event.WORKSPACE_EMAILS_CHANGED)
    assert "Zebulon" not in json.dumps(entry.data)
    assert entry.details["texts"] == texts
    account = gone(portal, display_name="Zebulon Quixote")
    erased = erase_person(workspace=portal, username=account.username, actor=actor, reason="asked for", now=now())
    assert erased.left == ["the texts of the workspace's e-mails name this person; change them in its settings"]
    assert "texts" not in AuditEntry.objects.get(kind=Event.WORKSPACE_EMAILS_CHANGED).details
    assert audit.verify() == (AuditEntry.objects.count(), None)
