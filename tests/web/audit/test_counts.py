"""How many entries a filter finds: exact, whatever was counted before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry, Workspace
from accounts_review.web.audit import filters
from accounts_review.web.audit.counts import MOST
from accounts_review.web.audit.counts import found as found_of
from tests.web.records_kit import Site


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("auditor")


def write(workspace: Workspace, kind: Event = Event.WORKSPACE_PAUSED, *, times: int = 1) -> None:
    for _ in range(times):
        audit.log([workspace], kind=kind, actor="olga", now=now(), data={"reason": "a look"})


def forge(statement: str) -> None:
    """Say something to the database that its triggers would refuse."""
    with connection.cursor() as cursor:
        for each in ("SET LOCAL session_replication_role = replica", statement):
            cursor.execute(each)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def found(**given: Any) -> int:
    return found_of(AuditEntry._base_manager.filter(**given).values_list("seq", flat=True), lasting=True).total


def test_what_is_written_since_is_counted(workspace: Workspace) -> None:
    write(workspace, times=2)
    before = found()
    assert (before, found(kind="workspace.paused"), found(kind="workspace.resumed")) == (
        AuditEntry.objects.count(),
        2,
        0,
    )
    write(workspace, Event.WORKSPACE_RESUMED)
    write(workspace)
    assert (found(), found(kind="workspace.paused"), found(kind="workspace.resumed")) == (before + 2, 3, 1)


def test_what_was_counted_is_not_counted_again(workspace: Workspace) -> None:
    write(workspace)
    found()
    with CaptureQueriesContext(connection) as asked:
        found()
    assert not [query for query in asked if "COUNT" in query["sql"]]


def test_of_another_audit_everything_is_counted(workspace: Workspace) -> None:
    write(workspace)
    whole = found()
    forge(f"UPDATE accounts_review_auditentry SET digest = repeat('0', 64) WHERE seq = {whole}")
    forge(f"DELETE FROM accounts_review_auditentry WHERE seq < {whole}")
    assert found() == 1


@pytest.mark.usefixtures("db")
def test_where_nothing_is_found_nothing_is_counted() -> None:
    assert found() == 0
    assert found(seq__in=[]) == 0


def test_entries_outside_the_days_asked_for_are_not_gone_through(site: Site) -> None:
    long_ago = now() - timedelta(days=900)
    for at in (long_ago, now()):
        audit.log([site.workspace], kind=Event.WORKSPACE_PAUSED, actor="olga", now=at, data={"reason": "a look"})
    until = (long_ago + timedelta(days=3)).date().isoformat()
    page, asked = None, CaptureQueriesContext(connection)
    with asked:
        page = site.get("audit", {"until": until})
    entry = AuditEntry.objects.filter(at__lte=long_ago).last()
    assert entry
    assert [row.seq for row in page.context["table"].page.object_list] == [entry.seq]
    (of_page,) = [
        each["sql"] for each in asked.captured_queries if each["sql"].endswith("LIMIT 1") and "BETWEEN" in each["sql"]
    ]
    assert f"BETWEEN {entry.seq} AND {entry.seq}" in of_page
    # An index is asked for an instant; each entry would have to be asked for its day.
    assert "::date" not in of_page


@pytest.mark.parametrize("sort", ["seq", "-seq"])
def test_a_page_is_cut_from_the_end_that_is_nearer(site: Site, sort: str) -> None:
    write(site.workspace, times=45)
    everyone = list(AuditEntry.objects.of(site.workspace).order_by(sort).values_list("seq", flat=True))
    pages = -(-len(everyone) // 10)
    for number in range(1, pages + 1):
        with CaptureQueriesContext(connection) as asked:
            page = site.get("audit", {"page": str(number), "per_page": "10", "sort": sort}).context["table"].page
        assert [entry.seq for entry in page.object_list] == everyone[10 * number - 10 : 10 * number]
        skipped = [int(each["sql"].rpartition("OFFSET ")[2]) for each in asked if " OFFSET " in each["sql"]]
        assert all(count <= len(everyone) // 2 for count in skipped)


def test_many_filters_are_counted_right(workspace: Workspace) -> None:
    write(workspace)
    last = found()
    for _turn in range(2):
        assert [found(seq=last + number) for number in range(MOST + 10)] == [1] + [0] * (MOST + 9)


@pytest.mark.parametrize("few", [0, 1000])
def test_whoever_is_renamed_is_found_by_the_other_name(site: Site, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(filters, "MOST_BY_NAME", few)
    write(site.workspace)
    shown = []
    for _turn in range(2):
        shown.append([site.get("audit", {"actor": name}).context["table"].paginator.count for name in ("olga", "iris")])
        forge("UPDATE accounts_review_personaldata SET name = 'iris' WHERE name = 'olga'")
    assert shown[0][0] > shown[0][1] == 0
    assert shown[1] == shown[0][::-1]
