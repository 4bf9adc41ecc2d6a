"""No page asks more of the database for many accounts than for a few."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts_review.models import Sync, Workspace
from accounts_review.workflow.review import decide
from tests.web.records_kit import HTMX, Site
from tests.web.shared.test_access import EXPECTED, addresses_of

PAGES = sorted(name for name, (to_see, _to_act) in EXPECTED.items() if to_see and name != "home")
WAYS: dict[str, dict[str, str]] = {"page": {}, "fragment": HTMX}


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("administrator")


def grow(site: Site, batch: str, *, by: int) -> None:
    """More of everything that a page lists: idle people, cases, exemptions, administrators, syncs and entries."""
    names = [f"{batch}{number}" for number in range(by)]
    site.draft(*(f"leaving.{name}" for name in names))
    site.people(*(f"boss.{name}" for name in names), permissions=["edit_domain"])
    exempt = site.people(*(f"robot.{name}" for name in names))
    reviewer, until = site.person("reviewer"), now() + timedelta(days=9)
    decide.exempt(accounts=exempt, actor=reviewer, reason="feeds", until=until, now=now())
    for number in range(by):
        site.synced(problems=["a page was missing"], ago=timedelta(hours=number + 1))


def queries(site: Site, address: str, headers: dict[str, str]) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        assert site.client.get(address, headers=headers).status_code in (200, 302)
    return [query["sql"] for query in asked.captured_queries]


def test_whether_a_sync_is_quarantined_does_not_take_a_look_at_all_of_them(site: Site) -> None:
    start, columns = now() - timedelta(days=500), {"workspace": site.workspace, "state": Sync.State.COMPLETE}
    Sync.objects.bulk_create(Sync(started_at=start, heartbeat_at=start, **columns) for _number in range(3000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_review_sync")
    quarantined = Sync.objects.filter(workspace=site.workspace, state=Sync.State.QUARANTINED)
    assert "sync_quarantined" in quarantined.values("pk")[:1].explain()


def test_no_sync_is_read_to_put_them_in_order(site: Site) -> None:
    for ago in range(3):
        site.synced(ago=timedelta(hours=ago + 1))
    asked = queries(site, site.at("syncs"), {})
    in_order = [sql for sql in asked if 'ORDER BY "accounts_review_sync"."started_at"' in sql]
    assert len(in_order) == 1
    assert '"passes"' not in in_order[0]


@pytest.mark.slow(reason="every page, with a little and with a lot on it")
def test_no_page_asks_more_for_many_than_for_few(site: Site) -> None:
    grow(site, "a", by=2)
    addresses = addresses_of(site, "leaving.a0")
    seen = {f"{name}, as a {way}": (addresses[name], headers) for name in PAGES for way, headers in WAYS.items()}
    for how in seen.values():
        queries(site, *how)  # what is looked up once a process is not of interest
    few = {what: queries(site, *how) for what, how in seen.items()}
    grow(site, "b", by=9)
    many = {what: queries(site, *how) for what, how in seen.items()}
    more = {what: len(many[what]) - len(few[what]) for what in seen if len(many[what]) > len(few[what])}
    assert not more, "\n".join(
        sql for what in more for sql in many[what] if many[what].count(sql) > few[what].count(sql)
    )
