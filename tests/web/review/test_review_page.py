"""The review page as it is read: who may, whole or in part, in which order, and what hostile texts come to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import DjangoAssertNumQueries

from accounts_review.models import Account, Workspace
from accounts_review.wording import verdicts
from accounts_review.workflow.review import decide
from tests.factories import make_account, make_sync, make_workspace
from tests.web.kit import Desk, invited, read, someone, text_of

HOSTILE = "<img src=x onerror=alert(1)>\"'{{ 7 }}"
QUERIES = 17


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    return Desk(person("reviewer"), workspace)


def test_strangers_are_sent_to_the_sign_in(workspace: Workspace) -> None:
    answer = Client().get(f"/w/{workspace.name}/review/")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_a_person_without_a_role_sees_nothing(workspace: Workspace, person: Callable[[str], User]) -> None:
    assert Desk(person("nobody"), workspace).see().status_code == 404


def test_an_auditor_reads_and_is_offered_no_decision(workspace: Workspace, person: Callable[[str], User]) -> None:
    read(workspace, someone("ana"))

    answer = Desk(person("auditor"), workspace).see()

    assert "ana" in text_of(answer)
    assert 'name="decision"' not in text_of(answer)
    assert 'type="checkbox" class="form-check-input" name="account"' not in text_of(answer)


def test_an_unknown_workspace_is_not_found(desk: Desk) -> None:
    assert desk.client.get("/w/elsewhere/review/").status_code == 404


def test_the_first_look_shows_the_dormant_who_are_open(desk: Desk) -> None:
    accounts = read(
        desk.workspace,
        someone("dormant"),
        someone("busy", idle=3),
        someone("boss", permissions=["edit_domain"]),
        someone("odd", email=""),
        someone("kept"),
    )
    until = now() + timedelta(days=30)
    decide.exempt(accounts=[accounts[-1]], actor=desk.user, reason="on leave", until=until, now=now())

    assert desk.names() == ["dormant"]
    assert desk.counts() == {"dormant": 1, "uncertain": 1, "protected": 2, "active": 1, "all": 5}


def test_an_exemption_is_said_once_and_first_where_there_is_little_room(desk: Desk) -> None:
    kept, busy = read(desk.workspace, someone("kept", permissions=["edit_domain"]), someone("busy", idle=3))
    until = now() + timedelta(days=30)
    decide.exempt(accounts=[kept, busy], actor=desk.user, reason="on leave", until=until, now=now())

    said = re.findall('<td class="cell-state">(.*?)</td>', desk.see("?verdict=all&state=").content.decode())
    of_kept, of_busy = sorted(
        (re.findall(">([^<>]+)</span>", each) for each in said), key=lambda tags: "active" in tags
    )

    assert of_kept == [verdicts.exemption(until), "holds the protected right edit_domain"]
    assert of_busy == ["active", verdicts.exemption(until)]


def test_only_listed_and_assessed_accounts_appear(desk: Desk) -> None:
    accounts = read(desk.workspace, someone("here"), someone("absent"), someone("gone"))
    Account.objects.filter(pk=accounts[1].pk).update(absent_since=now())
    Account.objects.filter(pk=accounts[2].pk).update(gone_at=now())
    make_account(desk.workspace, "unread")

    assert desk.names("?verdict=all") == ["here"]


def test_another_workspace_stays_apart(desk: Desk) -> None:
    other = make_workspace()
    make_account(other, "theirs")
    read(desk.workspace, someone("ours"))

    assert desk.names("?verdict=all") == ["ours"]


def test_a_row_says_why(desk: Desk) -> None:
    read(
        desk.workspace,
        someone("ana", idle=800, display_name="Ana Duval", groups=["readers"]),
        someone("boss", permissions=["edit_domain"]),
        groups={"readers": ["explore_monitoring"]},
    )

    said = text_of(desk.see("?verdict=all"))

    assert "2 years, 2 months ago; limit 2 years (everyone else)" in said
    assert "holds the protected right edit_domain" in said
    assert "Ana Duval" in said
    assert "1 right" in said


def test_htmx_gets_the_fragment_and_the_news_out_of_band(desk: Desk) -> None:
    read(desk.workspace, someone("ana"))

    page, part = desk.see(), desk.see(htmx=True)

    assert "<!doctype" in text_of(page).lower()
    assert "<!doctype" not in text_of(part).lower()
    assert 'id="live" hx-swap-oob="innerHTML"' in text_of(part)
    assert "1 account matches." in text_of(part)
    assert "HX-Request" in part["Vary"]


def test_a_restored_history_gets_the_page(desk: Desk) -> None:
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}

    answer = desk.client.get(desk.url("review"), headers=headers)

    assert "<!doctype" in text_of(answer).lower()


def test_the_page_obeys_the_strict_policy(desk: Desk) -> None:
    read(desk.workspace, someone("ana"))

    said = desk.see().content.decode()

    assert "hx-on" not in said
    assert " style=" not in said
    assert "<script>" not in said


def test_hostile_texts_are_only_texts(desk: Desk) -> None:
    read(desk.workspace, someone(HOSTILE, display_name=HOSTILE, groups=[HOSTILE], email=f"{HOSTILE}@x"))

    answers = [desk.see("?verdict=all"), desk.see("?verdict=all&scope=all"), desk.see("?q=%3Cimg%3E&group=%3Cimg%3E")]

    assert all("<img src=x" not in text_of(answer) and "<img>" not in text_of(answer) for answer in answers)
    assert "&lt;img src=x onerror=alert(1)&gt;" in text_of(answers[0])


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("username", ["ana", "bob", "cyd"]),
        ("-username", ["cyd", "bob", "ana"]),
        ("email", ["cyd", "bob", "ana"]),
        ("activity", ["bob", "ana", "cyd"]),
        ("-activity", ["cyd", "ana", "bob"]),
        ("dormant_from", ["bob", "ana", "cyd"]),
        ("segment", ["ana", "bob", "cyd"]),
        ("why", ["bob", "ana", "cyd"]),
        ("raw", ["bob", "ana", "cyd"]),
        ("account__workspace", ["bob", "ana", "cyd"]),
    ],
)
def test_sorts(desk: Desk, sort: str, expected: list[str]) -> None:
    read(
        desk.workspace,
        someone("ana", idle=1000, email="z@x.example"),
        someone("bob", idle=1100, email="y@x.example"),
        someone("cyd", idle=900, email="a@x.example"),
    )

    assert desk.names(f"?sort={sort}") == expected


@pytest.mark.parametrize("sort", ["activity", "-activity"])
def test_unknown_activity_comes_last(desk: Desk, sort: str) -> None:
    read(desk.workspace, someone("odd", joined_at=None, last_seen_at=None), someone("ana"))

    assert desk.names(f"?verdict=all&sort={sort}") == ["ana", "odd"]


@pytest.mark.matrix(fast=2, reason="each size is a whole page")
@pytest.mark.parametrize(
    ("per_page", "expected"), [("-1", 10), ("0", 50), ("abc", 50), ("5", 10), ("100000", 200), ("9" * 5000, 50)]
)
def test_the_size_of_a_page_is_clamped(desk: Desk, per_page: str, expected: int) -> None:
    read(desk.workspace, *(someone(f"n{number:03}") for number in range(201)))

    assert len(desk.names(f"?per_page={per_page}")) == expected


@pytest.mark.parametrize(("page", "first"), [("0", "n00"), ("-7", "n00"), ("x", "n00"), ("2", "n50"), ("999", "n50")])
def test_any_page_can_be_asked_for(desk: Desk, page: str, first: str) -> None:
    read(desk.workspace, *(someone(f"n{number:02}") for number in range(60)))

    assert desk.names(f"?sort=username&page={page}")[0] == first


def test_pages_do_not_overlap_where_rows_are_equal(desk: Desk) -> None:
    joined, seen = someone("x")["joined_at"], someone("x")["last_seen_at"]
    people = [someone(f"n{number:02}", joined_at=joined, last_seen_at=seen) for number in range(40)]
    read(desk.workspace, *people)

    listed = desk.names("?sort=segment&per_page=25") + desk.names("?sort=segment&per_page=25&page=2")

    assert sorted(listed) == sorted(set(listed))
    assert len(listed) == 40


def test_the_number_of_queries_does_not_grow_with_the_rows(
    desk: Desk, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    groups = {f"g{number}": ["explore_monitoring"] for number in range(5)}
    read(desk.workspace, *(someone(f"n{number:03}", groups=[f"g{number % 5}"]) for number in range(100)), groups=groups)

    with django_assert_max_num_queries(QUERIES):
        desk.see("?verdict=all&per_page=100")
    with django_assert_max_num_queries(QUERIES):
        desk.see("?verdict=all&per_page=10")


def test_before_the_first_sync_the_page_says_so(desk: Desk) -> None:
    assert "Nothing has been synced yet" in text_of(desk.see())


def test_where_nobody_is_dormant_the_page_says_so(desk: Desk) -> None:
    read(desk.workspace, someone("busy", idle=1))

    assert "Nothing to decide" in text_of(desk.see())


def test_where_nobody_matches_the_page_says_so(desk: Desk) -> None:
    read(desk.workspace, someone("ana"))

    said = text_of(desk.see("?q=zzz"))

    assert "No account matches" in said
    assert "Clear all filters" in said


def test_the_page_says_how_fresh_it_is(desk: Desk) -> None:
    read(desk.workspace, invited("ana"))
    begun = now() - timedelta(hours=3)
    make_sync(desk.workspace, at=begun, state="complete", finished_at=begun)

    assert "synced 3 hours ago" in text_of(desk.see()).replace("\xa0", " ")


def test_nobody_is_offered_their_own_account(desk: Desk) -> None:
    read(desk.workspace, someone("reviewer"))

    said = text_of(desk.see())

    assert "this is you" in said
    assert 'aria-label="Select reviewer" disabled' in said


@pytest.mark.parametrize("query", ["", "?verdict=all", "?verdict=protected", "?verdict=dormant&state=decided"])
def test_the_counts_of_the_tabs_add_up(desk: Desk, query: str) -> None:
    accounts = read(desk.workspace, *(someone(f"n{number}") for number in range(5)), someone("busy", idle=3))
    decide.snooze(accounts=accounts[:1], actor=desk.user, now=now())
    decide.snooze(accounts=accounts[1:3], actor=desk.user, reason="left", now=now())
    counts = desk.counts(query)

    assert counts["all"] == sum(counts.values()) - counts["all"] == 6
    assert (counts["dormant"], counts["decided"]) == (2, 3)
    assert set(desk.names("?verdict=dormant&state=decided")) == {"n0", "n1", "n2"}
