"""What the portal finds out about a workspace's address, key and clocks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from accounts_review.huwise import Client, Unreachable
from accounts_review.models import Account, ConnectionCheck, Workspace
from accounts_review.wording.findings import Finding, in_words, of_error
from accounts_review.workflow.check_connection import check_connection, record_failure
from tests.conftest import NOW

OWNER = {
    "username": "svc.cleanup",
    "email": "svc@example.org",
    "joined_at": "2020-01-01T00:00:00+00:00",
    "last_seen_at": "2026-06-14T00:00:00+00:00",
    "permissions": [],
    "groups": [{"uid": "team", "permissions": ["edit_domain"]}],
}


def answering(**changes: Any) -> Callable[[httpx.Request], httpx.Response]:
    """A workspace in good order, but for the changes: an owner, administrators, a status, a date."""

    def handle(request: httpx.Request) -> httpx.Response:
        path, headers = request.url.path, {"Date": format_datetime(changes.get("date", NOW), usegmt=True)}
        if "status" in changes:
            return httpx.Response(changes["status"], json={"error_code": "nope", "message": "No."})
        if path.endswith("/apikeys/") and "keys" in changes:
            return httpx.Response(changes["keys"], headers=headers, html="<h1>Not here</h1>")
        if path.endswith("/apikeys/"):
            keys = [{"key": "secret-of-theirs", "user": {"username": changes.get("owner", "svc.cleanup")}}]
            return httpx.Response(200, headers=headers, json={"total_count": 1, "results": keys})
        if path.endswith("/users/svc.cleanup/"):
            return httpx.Response(200, headers=headers, json=OWNER | changes.get("person", {}))
        if path.endswith("/users/"):
            found = changes.get("users", [OWNER] if changes.get("administrators", True) else [])
            limited = [] if request.url.params.get("limit") == "0" else found
            return httpx.Response(200, headers=headers, json={"total_count": len(found), "results": limited})
        return httpx.Response(404, json={"error_code": "not_found", "message": "Not found."})

    return handle


def checked(workspace: Workspace, **changes: Any) -> dict[str, Finding]:
    client = Client(
        url="https://data.example.org",
        api_key="our-secret",
        transport=httpx.MockTransport(answering(**changes)),
        attempts=1,
    )
    with client:
        found = check_connection(
            workspace=workspace, client=client, key_owner=changes.get("configured", ""), clock=lambda: NOW
        )
    assert "secret" not in json.dumps(found.findings)
    assert (found, found.at) == (ConnectionCheck.objects.get(), NOW)
    return {finding["code"]: in_words(finding) for finding in found.findings}


def test_a_workspace_in_good_order_has_only_good_findings(workspace: Workspace) -> None:
    found = checked(workspace)
    assert list(found) == ["reach", "clock", "owner", "administrators", "use"]
    assert all(finding.is_good for finding in found.values())


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"status": 401}, "api", "HUWISE_API_KEY"),
        ({"status": 500}, "api", "reported an error"),
        ({"date": NOW - timedelta(seconds=90)}, "clock_skewed", "90 seconds apart"),
        ({"owner": ""}, "owner_unknown", "HUWISE_API_KEY_OWNER"),
        ({"owner": "somebody.else"}, "owner_unreadable", "cannot be read"),
        ({"person": {"groups": []}}, "owner_weak", "does not hold edit_domain"),
        ({"administrators": False}, "administrators_missing", "the key cannot see everyone"),
    ],
)
def test_what_is_wrong_is_found_and_says_what_to_do(
    workspace: Workspace, changes: dict[str, Any], code: str, words: str
) -> None:
    finding = checked(workspace, **changes)[code]
    assert not finding.is_good
    assert words in finding.said + finding.remedy
    assert finding.remedy


def test_the_configured_owner_stands_in_where_the_api_does_not_say(workspace: Workspace) -> None:
    assert checked(workspace, owner="", configured="svc.cleanup")["owner"].is_good


@pytest.mark.parametrize("status", [204, 403, 404, 405, 410])
def test_the_configured_owner_stands_in_where_keys_cannot_be_read_as_in_a_sync(
    workspace: Workspace, status: int
) -> None:
    assert checked(workspace, keys=status, configured="svc.cleanup")["owner"].is_good


def test_the_owner_of_the_last_sync_stands_in_as_in_the_next_one(workspace: Workspace) -> None:
    """Removals go on under that name, so that it must not be said that they do not."""
    workspace.key_owner = "svc.cleanup"
    assert checked(workspace, owner="")["owner"].is_good


def test_an_owner_who_is_no_administrator_is_found_whatever_the_capitals(workspace: Workspace) -> None:
    Account.objects.create(workspace=workspace, username="svc.cleanup", raw="{}", read_at=NOW)
    found = checked(workspace, owner="SVC.Cleanup", administrators=False, person={"groups": []})
    assert list(found)[2] == "owner_weak"


def test_the_owner_is_found_whatever_the_capitals(workspace: Workspace) -> None:
    assert checked(workspace, owner="", configured=" SVC.Cleanup")["owner"].is_good
    ConnectionCheck.objects.all().delete()
    assert checked(workspace, owner="Svc.Cleanup")["owner"].is_good


def test_another_host_than_before_is_found(workspace: Workspace) -> None:
    Account.objects.create(workspace=workspace, username="svc.cleanup", raw="{}", read_at=NOW)
    workspace.host = "data.elsewhere.org"
    assert not checked(workspace)["host"].is_good


def test_that_it_could_not_be_looked_at_is_kept_too(workspace: Workspace) -> None:
    kept = record_failure(workspace=workspace, error="HUWISE_URL: not an address", now=NOW)
    (fault,) = kept.faults
    assert "HUWISE_URL: not an address" in str(in_words(fault))


@pytest.mark.parametrize(("kind", "setting"), [("proxy", "HUWISE_PROXY"), ("tls", "HUWISE_CA_FILE")])
def test_a_fault_of_the_proxy_or_of_a_certificate_is_named_for_what_it_is(kind: Any, setting: str) -> None:
    finding = in_words(of_error("api", Unreachable(kind=kind, message="407 Proxy Authentication Required")))
    assert setting in finding.remedy
    assert kind.replace("tls", "certificate") in finding.said
    assert "407" in finding.detail


def test_tls_that_failed_without_a_certificate_is_not_called_one() -> None:
    finding = in_words(of_error("api", Unreachable(kind="tls", is_untrusted=False, message="WRONG_VERSION_NUMBER")))
    assert "certificate" not in f"{finding.said} {finding.remedy}"
    assert "HUWISE_URL" in finding.remedy
    assert "WRONG_VERSION_NUMBER" in finding.detail


NEVER = {"joined_at": "2020-01-01T00:00:00+00:00", "last_seen_at": None, "last_login_at": None}


@pytest.mark.parametrize(
    ("users", "code"),
    [
        ([OWNER | NEVER] * 3, "nobody_seen"),
        ([OWNER | dict.fromkeys(NEVER)] * 30, "nobody_seen"),
        ([OWNER, *[OWNER | NEVER] * 20], "never_used"),
    ],
)
def test_a_list_without_signs_of_use_is_no_good_news(workspace: Workspace, users: list[Any], code: str) -> None:
    found = checked(workspace, users=users)
    assert found[code].is_good is False
    assert "last_seen_at" in found[code].remedy
    assert "use" not in found


def test_a_list_without_signs_of_use_is_known_where_an_administrator_has_accepted_it(workspace: Workspace) -> None:
    checks = [{"code": "nobody_seen", "before": 3, "after": 3, "allowed": 2, "tripped": True}]
    workspace.syncs.create(state="complete", started_at=NOW, heartbeat_at=NOW, checks=checks)
    assert checked(workspace, users=[OWNER | NEVER] * 3)["nobody_seen"].is_good
