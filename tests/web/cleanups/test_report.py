"""The report of a clean-up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Account, Cleanup, Workspace
from accounts_review.wording import instants
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


def close(cleanup: Cleanup) -> None:
    Cleanup.objects.filter(pk=cleanup.pk).update(state="closed", closed_at=now())


# The report


@pytest.fixture
def report(site: Site) -> Cleanup:
    """A dry run that has ended, with one of each."""
    cleanup = site.launched("ana", "ben", "cy")
    look = {"at": now().isoformat(), "activity_at": now().isoformat(), "found": True}
    site.put("ana", "would_revoke", last_look=look)
    site.put("ben", "spared", outcome={"why": [{"code": "newer_activity", "detail": now().isoformat()}]})
    site.put("cy", "refused", outcome={"error": "no", "status": 403, "error_code": "Denied", "trace_id": "t-9"})
    close(cleanup)
    return cleanup


def test_the_report_sums_up(site: Site, report: Cleanup) -> None:
    page = text(site.get("cleanup", number=report.number))
    assert "3 accounts: 1 refused, 1 would be revoked, 1 spared. It was a dry run: nothing left the portal." in page
    assert "Dry run." in page
    assert "was active after the approval" in page
    assert "HTTP 403 <code>Denied</code>" in page
    assert "t-9" in page


@pytest.mark.parametrize(
    ("query", "who"),
    [
        ({"state": "spared"}, ["ben"]),
        ({"q": "CY"}, ["cy"]),
        ({"q": "ana@ville"}, ["ana"]),
        ({"state": "spared", "q": "ana"}, []),
        ({"state": "nonsense"}, []),
        ({"q": "\x00"}, []),
    ],
)
def test_the_report_filters(site: Site, report: Cleanup, query: dict[str, str], who: list[str]) -> None:
    page = site.get("cleanup", query, number=report.number)
    assert [row.record.account.username for row in page.context["table"].rows] == who


def test_the_report_filters_by_who_approved_and_what_they_answered(site: Site, report: Cleanup) -> None:
    said = now()
    until = said + timedelta(days=40)
    away = {"kind": "away", "text": "", "at": said.isoformat(), "until": until.isoformat()}
    site.put("ben", "spared", answer=away)
    site.put("cy", "refused", approved_by_login="rita")
    for query, who in (
        ({"answered": "away"}, ["ben"]),
        ({"answered": "none"}, ["ana", "cy"]),
        ({"approver": "rita"}, ["cy"]),
        ({"segment": "everyone else"}, ["ana", "ben", "cy"]),
        ({"back": "returned"}, []),
    ):
        page = site.get("cleanup", query, number=report.number)
        assert [row.record.account.username for row in page.context["table"].rows] == who
    answered = f"said on {instants.day(said)}: away until {instants.day(until)}"
    assert answered in text(site.get("cleanup", number=report.number))


def test_a_filter_that_tells_nobody_apart_is_not_offered(site: Site, report: Cleanup) -> None:
    shown = site.get("cleanup", number=report.number).context["filter"].shown
    assert [field.name for field in shown] == ["q", "state"]


def test_who_is_back_is_counted_and_can_be_found(site: Site) -> None:
    site.go_live()
    cleanup = site.launched("ana", "ben", "cy")
    for name in ("ana", "ben", "cy"):
        site.put(name, "revoked")
    site.put("ana", "revoked", returned_at=now())
    site.put("ben", "revoked", restored_at=now(), restored_by="olga", returned_at=now())
    close(cleanup)
    page = site.get("cleanup", number=cleanup.number)
    assert "2 of those revoked have come back (67 %)." in text(page)
    found = site.get("cleanup", {"back": "returned"}, number=cleanup.number)
    assert [row.record.account.username for row in found.context["table"].rows] == ["ana"]


def test_who_was_invited_and_has_not_come_is_not_said_to_be_back(site: Site) -> None:
    site.go_live()
    cleanup = site.launched("ana", "ben", "cy", "dan")
    for name in ("ana", "ben", "cy", "dan"):
        site.put(name, "revoked")
    site.put("ben", "revoked", restored_at=now(), restored_by="olga")
    close(cleanup)
    page = text(site.get("cleanup", number=cleanup.number))
    assert "4 accounts: 4 revoked. 1 was invited back and has not come yet." in page
    assert "come back" not in page
    site.put("ana", "revoked", returned_at=now())
    site.put("cy", "revoked", restored_at=now(), restored_by="olga")
    page = text(site.get("cleanup", number=cleanup.number))
    assert "1 of those revoked has come back (25 %). 2 were invited back and have not come yet." in page


def test_the_report_draws_what_became_of_each_segment(site: Site, report: Cleanup) -> None:
    page = site.get("cleanup", number=report.number)
    (bar,) = page.context["bars"]
    assert (bar.segment, bar.total) == ("everyone else", 3)
    assert [(part.tile.state, part.tile.count) for part in bar.parts] == [
        ("refused", 1),
        ("would_revoke", 1),
        ("spared", 1),
    ]


@pytest.mark.parametrize(
    "query", [{"page": "999"}, {"page": "x"}, {"per_page": "-1"}, {"sort": "nope"}, {"sort": "account"}]
)
def test_the_report_bears_any_address(site: Site, report: Cleanup, query: dict[str, str]) -> None:
    assert site.get("cleanup", query, number=report.number).status_code == 200


def test_sorting_swaps_the_table_only(site: Site, report: Cleanup) -> None:
    page = site.get("cleanup", {"sort": "state"}, htmx=True, number=report.number)
    assert b"<html" not in page.content
    assert b"Outcome" in page.content


def test_the_report_asks_as_much_for_many_as_for_few(site: Site, django_assert_max_num_queries: Any) -> None:
    cleanup = site.launched(*(f"person.{number:02}" for number in range(30)))
    with django_assert_max_num_queries(26):
        site.get("cleanup", {"per_page": 100}, number=cleanup.number)
    with django_assert_max_num_queries(26):
        site.get("print", number=cleanup.number)
    with django_assert_max_num_queries(20):
        assert b"".join(site.get("cleanup_export", number=cleanup.number)).count(b"\n") == 31


def test_what_people_wrote_is_never_markup(site: Site) -> None:
    cleanup = site.draft(HOSTILE, reason=HOSTILE)
    assert HOSTILE.encode() not in site.get("cleanup", number=cleanup.number).content
    launch.launch(cleanup=cleanup, actor=site.person("operator"), now=now())
    site.put(HOSTILE, "refused", outcome={"error": HOSTILE, "error_code": HOSTILE, "trace_id": HOSTILE, "status": 400})
    Cleanup.objects.update(state="paused", stopped_because={"code": "paused", "reason": HOSTILE})
    for page in ("cleanups", "overview"):
        assert HOSTILE.encode() not in site.get(page).content
    for page in ("cleanup", "print"):
        assert HOSTILE.encode() not in site.get(page, number=cleanup.number).content
    # What came back of it: who invited whom, and what the last look saw.
    seen, answer = {"at": HOSTILE, "activity_at": HOSTILE}, {"kind": "keep", "at": now().isoformat(), "text": HOSTILE}
    told = {"restored_by": HOSTILE, "restored_at": now(), "put_by_login": HOSTILE, "answer": answer, "last_look": seen}
    site.put(HOSTILE, "revoked", **told)
    page = site.get("print", number=cleanup.number).content
    assert HOSTILE.encode() not in page
    assert page.count(b"invited back") == 2, "in the sentence and in the row"


@pytest.mark.parametrize(
    ("field", "expected"), [("joined_at", "invited 10 Feb 2023"), ("last_seen_at", "last active 10 Feb 2023")]
)
def test_the_final_check_of_somebody_who_never_signed_in_speaks_of_the_invitation(
    site: Site, field: str, expected: str
) -> None:
    cleanup = site.launched("ana")
    seen = {"at": now().isoformat(), "activity_at": "2023-02-10T09:00:00+00:00", "activity_field": field}
    site.put("ana", "would_revoke", last_look=seen)
    assert expected in text(site.get("cleanup", number=cleanup.number))


def test_an_account_that_left_still_has_its_report(site: Site, report: Cleanup) -> None:
    Account.objects.filter(username="ana").update(gone_at=now())
    assert b"ana" in site.get("cleanup", number=report.number).content


def test_an_approval_that_was_undone_leaves_no_trace_in_the_counts(site: Site) -> None:
    draft = site.draft("ana", "ben", "cy")
    decide.withdraw(
        accounts=list(Account.objects.filter(username="cy")), actor=site.person("reviewer"), reason="undone", now=now()
    )
    launch.launch(cleanup=draft, actor=site.person("operator"), now=now() + timedelta(seconds=1))
    site.put("ana", "would_revoke")
    site.put("ben", "would_revoke")
    close(draft)

    page, listed = text(site.get("cleanup", number=draft.number)), text(site.get("cleanups"))

    assert "2 accounts: 2 would be revoked." in page
    assert "withdrawn" not in page.partition("<main")[2].replace('value="withdrawn"', "").replace(
        ">withdrawn</option>", ""
    )
    assert ">cy<" not in page
    assert "3 accounts" not in listed
    assert b"cy@" not in b"".join(site.get("cleanup_export", {"format": "csv"}, number=draft.number))
