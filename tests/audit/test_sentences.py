"""Every entry can be told, whatever its details hold: an audit that cannot be shown proves nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import translation

from accounts_review.audit.events import Event
from accounts_review.audit.sentences import icon_of, name_of, of_act, of_entry
from accounts_review.models import AuditEntry

AT = datetime(2026, 6, 15, 8, tzinfo=UTC)
DETAILS: dict[str, Any] = {
    "nothing": {},
    "a record": {"last_look": {"at": AT.isoformat(), "rights": ["edit_domain"], "nested": {"deeper": [None]}}},
    "codes": {"why": {"code": "pause_at_regret", "count": 1}, "reason": {"code": "cancelled"}},
    "codes nobody knows": {"why": {"code": "of a later version"}, "error": {"code": None}},
    "objections": {"why": [{"code": "newer_activity", "detail": AT.isoformat()}, "text", {"code": 7}]},
    "no text": {"why": None, "reason": 3, "count": "many", "cases": [], "kind": ["keep"], "cause": {}},
    "hostile": {"reason": "%(why)s {0} <b>", "why": "%s", "login": "\u202eevil", "error": "x" * 5000},
}


@pytest.mark.parametrize("details", DETAILS.values(), ids=DETAILS)
@pytest.mark.parametrize("event", Event)
def test_every_event_is_told_whatever_its_details_hold(event: Event, details: dict[str, Any]) -> None:
    entry = AuditEntry(seq=1, at=AT, workspace="main", kind=event.value, data=details)
    entry.actor = entry.subject = "ada"
    for told in (of_act(entry), of_entry(entry), name_of(entry)):
        assert isinstance(told, str)
    assert name_of(entry)
    assert icon_of(entry)


def test_an_event_of_a_later_version_shows_its_code() -> None:
    entry = AuditEntry(seq=1, at=AT, workspace="main", kind="account.teleported", data={})
    entry.actor = "ada"
    assert (name_of(entry), of_act(entry)) == ("account.teleported", "account.teleported")


@pytest.mark.parametrize(
    ("event", "details", "told"),
    [
        (Event.ROLE_GRANTED, {"login": "ada", "before": "none", "role": "reviewer"}, "from no role to reviewer"),
        (Event.ACCOUNTS_EXPORTED, {"count": 1}, "exported 1 account"),
        (Event.ACCOUNTS_EXPORTED, {"count": 2}, "exported 2 accounts"),
        (Event.CLEANUP_CONFIRMATION_ASKED, {"recipients": 1}, "asked 1 person by e-mail to confirm the launch"),
        (Event.CLEANUP_CONFIRMATION_ASKED, {"recipients": 2}, "asked 2 people by e-mail to confirm the launch"),
        (Event.ACCOUNTS_EXPORTED, {"count": "many"}, "Accounts exported"),
    ],
)
def test_roles_are_named_and_one_is_not_told_as_many(event: Event, details: dict[str, Any], told: str) -> None:
    entry = AuditEntry(seq=1, at=AT, workspace="main", kind=event.value, data=details)
    entry.actor = "boss"
    assert of_act(entry).endswith(told)


@pytest.mark.parametrize(
    ("event", "details", "told"),
    [
        (Event.WORKSPACE_MODE_SET, {"from": "dry-run", "to": "live"}, "simulation auparavant, réel désormais"),
        (Event.WORKSPACE_SYNCED, {"state": "complete", "read": 3}, "synchronisation complète"),
        (Event.WORKSPACE_HOST_CHANGED, {"from": "live", "to": "b.example"}, "de live à b.example"),
    ],
)
def test_codes_are_told_in_the_readers_language(event: Event, details: dict[str, Any], told: str) -> None:
    entry = AuditEntry(seq=1, at=AT, workspace="main", kind=event.value, data=details)
    entry.actor = "boss"
    with translation.override("fr"):
        assert told in of_act(entry)
