"""What the pages of cases ask of the database where there are very many: who is on a page is found by keys alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts_review.models import Account, Case, Cleanup, Workspace
from accounts_review.web.cleanups import revoked
from accounts_review.workflow.review import decide
from tests.web.records_kit import Site

WIDE = '"accounts_review_case"."evidence",'
"""What only a row that is shown is read for."""


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    """A clean-up with some of each: more than are shown in no list, and enough to be put in order."""
    site = Site(client, workspace, person).sign_in("operator")
    site.launched("ana", "ben", "cy", "dee", "eve")
    answer = {"kind": "keep", "text": "", "agent": "Gateway/1", "at": now().isoformat()}
    for name, state in (("ana", "undeliverable"), ("ben", "refused"), ("cy", "revoked"), ("dee", "spared")):
        site.put(name, state, answer=answer)
    return site


def asked(site: Site, page: str, query: dict[str, str] | None = None, **kwargs: Any) -> list[str]:
    site.get(page, query, **kwargs)
    with CaptureQueriesContext(connection) as found:
        site.get(page, query, **kwargs)
    # What every page asks of workspaces is not of interest.
    statements = [query["sql"] for query in found.captured_queries if '"accounts_review_case"' in query["sql"]]
    return [sql for sql in statements if not sql.startswith('SELECT "accounts_review_workspace"')]


@pytest.mark.parametrize("query", [{}, {"state": "revoked"}, {"sort": "account"}, {"sort": "-state"}, {"q": "a"}])
@pytest.mark.parametrize("page", ["cleanup", "revoked"])
def test_no_page_puts_whole_cases_in_order(site: Site, page: str, query: dict[str, str]) -> None:
    number = {"number": 1} if page == "cleanup" else {}
    sorted_whole = [sql for sql in asked(site, page, query, **number) if WIDE in sql and "ORDER BY" in sql]
    assert not sorted_whole, "\n".join(sorted_whole)


def test_nobody_is_looked_for_by_going_through_all_cases_by_their_keys(site: Site) -> None:
    by_key = [
        sql for sql in asked(site, "cleanup", number=1) if 'ORDER BY ("accounts_review_case"."id" + 0) ASC' in sql
    ]
    assert len(by_key) == 1


def test_of_a_cleanup_no_case_is_joined_with_it_to_be_counted(site: Site) -> None:
    counted = [sql for sql in asked(site, "cleanup", number=1) if "GROUP BY" in sql]
    assert counted
    assert not [sql for sql in counted if 'JOIN "accounts_review_cleanup"' in sql]


def test_very_many_who_were_revoked_are_counted_again_only_after_something_happened(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revoked, "FEW", 0)
    monkeypatch.setattr(revoked, "_KEPT", {})
    assert [rate.revoked for rate in site.get("revoked").context["return_rates"]] == [1]
    assert not [sql for sql in asked(site, "revoked") if "GROUP BY" in sql]

    site.put("dee", "revoked")
    decide.snooze(accounts=site.people("fay"), actor=site.person("reviewer"), now=now())
    assert [rate.revoked for rate in site.get("revoked").context["return_rates"]] == [2]


def test_a_search_finds_those_who_were_revoked_by_the_index_of_accounts_and_looks_once(site: Site) -> None:
    searched = [sql for sql in asked(site, "revoked", {"q": "cy"}) if "LIKE" in sql]
    assert len(searched) == 1
    assert all(f'"{name}" ||' in searched[0] for name in ("username", "email"))


def test_all_who_were_revoked_are_counted_in_one_look(site: Site) -> None:
    assert len([sql for sql in asked(site, "revoked") if "GROUP BY" in sql]) == 1


@pytest.mark.parametrize("dry_run", [False, True])
def test_the_database_tells_who_can_be_invited_back_as_the_page_of_a_case_does(site: Site, dry_run: bool) -> None:
    Cleanup.objects.update(dry_run=dry_run)
    gone = {"gone_at": now()}
    choices: dict[str, list[Any]] = {
        "state": ["revoked", "spared"],
        "snapshot": [None, {}, {"record": {}}],
        "restored_by": ["", "olga"],
        "returned_at": [None, now()],
        "account": [{"gone_at": None}, gone, {"gone_at": None, "absent_since": now()}],
    }
    case = site.case("ana")
    told = set[bool]()
    for state, snapshot, restored_by, returned_at, account in product(*choices.values()):
        Case.objects.filter(pk=case.pk).update(
            state=state, snapshot=snapshot, restored_by=restored_by, returned_at=returned_at
        )
        Account.objects.filter(pk=case.account_id).update(**{"absent_since": None} | account)
        of_case = Case.objects.select_related("account", "cleanup").get(pk=case.pk).is_restorable
        assert Case.objects.filter(pk=case.pk).restorable().exists() == of_case
        told.add(of_case)
    assert told == ({False} if dry_run else {False, True})


def test_of_notices_that_came_back_too_late_no_case_is_read(site: Site) -> None:
    Cleanup.objects.update(dry_run=False)
    site.put("cy", "revoked", snapshot={"record": {}}, bounced_at=now())
    Account.objects.filter(username="cy").update(gone_at=now())
    with CaptureQueriesContext(connection) as found:
        page = site.get("overview")
    assert any("although the notice bounced" in need.text for need in page.context["needs"])
    (late,) = [query["sql"] for query in found if '"accounts_review_case"."bounced_at" >' in query["sql"]]
    assert "GROUP BY" in late
