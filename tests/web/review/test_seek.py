"""Pages of the list: next, previous, last, and where a name or a day begins; each by an index, in every order."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts_review.models import Account, Workspace
from accounts_review.web.review import counts
from accounts_review.workflow.assess.assess import assess
from accounts_review.workflow.review import decide
from tests.web.kit import Desk, days_ago, invited, read, someone, text_of

SORTS = (
    "dormant_from",
    "-dormant_from",
    "activity",
    "-activity",
    "username",
    "-username",
    "email",
    "-email",
    "segment",
)
INDEXES = {
    "dormant_from": "assessment_by_day",
    "-dormant_from": "assessment_by_day",
    "activity": "assessment_oldest_first",
    "-activity": "assessment_newest_first",
    "segment": "assessment_by_segment",
    "-segment": "assessment_by_segment",
    "username": "account_by_username",
    "-username": "account_by_username",
    "email": "account_by_email",
}
FILTERS = {
    "verdict=uncertain": "assessment_by_idleness",
    "verdict=all&never_used=on": "assessment_never_used",
    "verdict=all&group=g1": "account_by_group",
    "verdict=protected&right=edit_domain": "assessment_protected_by",
    "verdict=all&dormant_since=2024-01-01&dormant_until=2024-01-02": "dormant_from >= '2024-01-01",
}


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    return Desk(person("reviewer"), workspace)


def link(answer: Any, name: str) -> str:
    """Where a link of the pages leads."""
    found = re.search(rf'id="page-{name}" href="([^"]+)"', text_of(answer))
    return found.group(1).replace("&amp;", "&") if found else ""


def usernames(answer: Any) -> list[str]:
    return [row.record.username for row in answer.context["table"].page.object_list]


@pytest.mark.matrix(fast=2, reason="a whole list for each order")
@pytest.mark.parametrize("sort", SORTS)
def test_next_and_previous_pass_through_everybody_once(desk: Desk, sort: str) -> None:
    read(desk.workspace, *(someone(f"n{number:02}", idle=800 + number % 5) for number in range(64)))
    whole = desk.names(f"?sort={sort}&per_page=200")
    answer = desk.see(f"?sort={sort}&per_page=10")
    seen = [usernames(answer)]
    while query := link(answer, "next"):
        answer = desk.see(query)
        seen.append(usernames(answer))
    back = [usernames(answer)]
    while query := link(answer, "previous"):
        answer = desk.see(query)
        back.append(usernames(answer))

    assert [name for page in seen for name in page] == whole
    assert len(seen) == 7
    assert back[::-1][-2] == seen[-2]
    assert back[-1] == seen[0]


@pytest.mark.matrix(fast=2, reason="a whole list for each place")
@pytest.mark.parametrize("page", [1, 2, 3, 4, 6, 7, "last"])
def test_a_page_by_its_number_is_the_same_from_either_end(desk: Desk, page: object) -> None:
    read(desk.workspace, *(someone(f"n{number:02}") for number in range(64)))
    whole = desk.names("?sort=username&per_page=200")
    number = 7 if page == "last" else int(str(page))

    assert desk.names(f"?sort=username&per_page=10&page={page}") == whole[10 * number - 10 : 10 * number]


def test_the_next_page_starts_after_whom_one_saw_whoever_was_decided_on_meanwhile(desk: Desk) -> None:
    accounts = read(desk.workspace, *(someone(f"n{number:02}") for number in range(30)))
    query = link(desk.see("?sort=username&per_page=10&verdict=dormant&state=open"), "next")
    decide.snooze(accounts=accounts[:10], actor=desk.user, now=now())

    assert desk.names(query) == [f"n{number:02}" for number in range(10, 20)]


def test_one_can_go_to_a_letter(desk: Desk) -> None:
    read(desk.workspace, *(someone(f"{letter}{number}") for letter in "aMz" for number in range(9)))

    assert desk.names("?sort=username&per_page=10&start=m") == [*(f"M{n}" for n in range(9)), "z0"]
    assert desk.names("?sort=-username&per_page=10&start=M") == [*(f"M{n}" for n in range(8, -1, -1)), "a8"]
    assert desk.names("?sort=username&per_page=10&start=zz") == [f"z{n}" for n in range(2, 9)]


@pytest.mark.parametrize("letter", ["\U0010ffff", "\ud7ff", "\U0010ffff" * 3, "%00", "%ED%A0%80", "m\U0010ffff"])
@pytest.mark.parametrize("sort", ["username", "-username", "email", "-email", "segment", "-segment"])
def test_one_can_go_to_any_letter(desk: Desk, sort: str, letter: str) -> None:
    read(desk.workspace, *(someone(f"{start}{number}") for start in "az\ue000" for number in range(9)))

    assert len(desk.names(f"?sort={sort}&per_page=10&start={letter}")) in (7, 9, 10)


def test_going_down_the_last_letters_come_first(desk: Desk) -> None:
    read(desk.workspace, *(someone(f"{start}{number}") for start in "a\ud7ff" for number in range(9)))
    first = [*(f"\ud7ff{number}" for number in range(8, -1, -1)), "a8"]

    for letter in ("\ud7ff", "\U0010ffff"):
        assert desk.names(f"?sort=-username&per_page=10&start={letter}") == first


def test_one_can_go_to_a_date(desk: Desk) -> None:
    read(desk.workspace, *(someone(f"n{number:02}", idle=1000 - number) for number in range(30)))
    day = (now() - timedelta(days=990)).date()

    assert desk.names(f"?verdict=all&sort=activity&per_page=10&start={day}")[0] in ("n10", "n11")
    assert desk.names("?verdict=all&sort=activity&per_page=10&start=2099-01-01") == desk.names(
        "?verdict=all&sort=activity&per_page=10&page=last"
    )


@pytest.mark.parametrize(
    "query",
    ["start=2024-13-45", "start=%00", "after=x", "before=99999999999", "after=-1", "page=last&after=7", "start="],
)
def test_an_odd_place_is_answered(desk: Desk, query: str) -> None:
    read(desk.workspace, *(someone(f"n{number:02}") for number in range(12)))

    assert len(desk.names(f"?per_page=10&{query}")) in (2, 10)


def test_of_more_than_can_be_counted_it_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST_COUNTED", 20)
    read(desk.workspace, *(someone(f"n{number:02}") for number in range(35)))
    answer = desk.see("?q=n&sort=username&per_page=10")

    assert "20+" in text_of(answer)
    assert "at least 20 accounts" in text_of(answer)
    assert "Select all that match" in text_of(answer)
    assert usernames(desk.see(link(answer, "last"))) == [f"n{number:02}" for number in range(25, 35)]
    assert desk.names("?q=n&sort=username&per_page=10&page=4") == [f"n{number:02}" for number in range(30, 35)]
    assert desk.names("?q=n&sort=username&per_page=10&page=9") == [f"n{number:02}" for number in range(25, 35)]


@pytest.mark.parametrize("sort", ["username", "-username", "-activity"])
def test_those_who_are_found_by_a_search_are_in_the_order_asked_for(desk: Desk, sort: str) -> None:
    read(desk.workspace, *(someone(f"n{number}", idle=800 + number * 7 % 5) for number in range(5)))
    by_idleness = sorted((f"n{number}" for number in range(5)), key=lambda name: int(name[1:]) * 7 % 5)
    expected = by_idleness if sort == "-activity" else sorted(by_idleness, reverse=sort == "-username")
    assert desk.names(f"?q=n&sort={sort}") == expected


def test_who_is_found_beyond_those_counted_is_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    read(
        desk.workspace,
        *(someone(f"n{number:02}") for number in range(12)),
        someone("nboss", permissions=["edit_domain"]),
    )
    monkeypatch.setattr(counts, "MOST_COUNTED", 2)
    answer = desk.see("?q=n&verdict=protected")

    assert usernames(answer) == ["nboss"]
    assert "No account matches" not in text_of(answer)


def test_the_order_of_activity_leaps_over_nobody_of_a_verdict(desk: Desk) -> None:
    idle = {"d1": 731, "d2": 740, "a1": 1, "a2": 729, "d3": 2000}
    read(
        desk.workspace,
        *(someone(name, idle=days) for name, days in idle.items()),
        invited("new", days=91),
        invited("newer", days=89),
        someone("undated", joined_at="never", last_seen_at="never", last_login_at="never"),
    )

    assert desk.names("?verdict=dormant&state=open&sort=-activity") == ["new", "d1", "d2", "d3"]
    assert desk.names("?verdict=active&sort=activity") == ["a2", "newer", "a1"]
    assert desk.names("?verdict=uncertain&sort=-activity") == ["undated"]


def test_it_leaps_over_nobody_who_was_seen_again_by_a_sync_that_was_not_accepted(desk: Desk) -> None:
    read(desk.workspace, someone("a1", idle=10), someone("cleared", idle=2000))
    Account.objects.filter(username="cleared").update(unconfirmed_activity_at=days_ago(1))
    assess(workspace=desk.workspace)

    assert desk.names("?verdict=active&sort=activity") == ["cleared", "a1"]


FILL = """
INSERT INTO accounts_review_account (workspace_id, username, incarnation, email, display_name, first_name, last_name,
    account_type, groups, raw, digest, read_at, incomplete, disputed)
SELECT %(workspace)s, 'n' || i, '', i || '@x.example', '', '', '', 'global', ARRAY['g' || i %% 90],
    '{}', '', now(), false, '{}'
    FROM generate_series(1, 20000) i;
INSERT INTO accounts_review_assessment (account_id, policy_id, segment, activity_at, activity_field, dormant_from,
    limit_days, standing, reasons, rights, basis, never_used)
SELECT id, %(policy)s, 'segment ' || id %% 12, now() - make_interval(hours => (id %% 20000)::int), 'last_seen_at',
    now() + make_interval(hours => (id %% 20000 - 9000)::int), 730,
    CASE WHEN id %% 7 = 0 OR id %% 500 = 1 THEN 'protected' WHEN id %% 300 = 2 THEN 'uncertain' ELSE 'ordinary' END,
    CASE WHEN id %% 500 = 1 THEN '[{"code": "right", "subject": "edit_domain", "via": ""}]' ELSE '[]' END::jsonb,
    '{}', '', id %% 40 = 0
    FROM accounts_review_account WHERE username <> 'first';
ANALYZE accounts_review_account, accounts_review_assessment
"""


@pytest.mark.slow(reason="plans for many accounts, which have to be there")
def test_each_order_and_filter_has_its_index(desk: Desk) -> None:
    read(desk.workspace, someone("first"), groups={"g1": []})
    (account,) = Account.objects.all()
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"workspace": desk.workspace.pk, "policy": desk.workspace.current_policy.pk})
    for sort, index in INDEXES.items():
        plan = plan_of(desk, f"?verdict=all&sort={sort}")
        assert index in plan, sort
        assert "Sort Key" not in plan, sort
        beside = plan_of(desk, f"?verdict=all&sort={sort}&after={account.pk + 9000}")
        assert re.search(rf"{index}.*\n +Index Cond: .*ROW\(", beside), sort
        assert "Sort Key" not in beside, sort
    for query, index in FILTERS.items():
        assert index in plan_of(desk, f"?{query}"), query
    searched = plan_of(desk, "?verdict=all&q=x.example", of="LIMIT 51$")
    assert "assessment_by_day" in searched, "very many match, so that a page of them is soon met"
    assert "Sort Key" not in searched


def plan_of(desk: Desk, query: str, *, of: str = r"LIMIT 51$|LIMIT 10001\b") -> str:
    """How the database finds the rows of a page; what it then looks up for each of them left out."""
    with CaptureQueriesContext(connection) as asked:
        assert desk.see(query).status_code == 200
    # Where those who match are counted one by one, this is how they are found, too.
    # What every page asks of workspaces has a limit of its own.
    asked_here = (each["sql"] for each in asked if not each["sql"].startswith('SELECT "accounts_review_workspace"'))
    rows = next(sql for sql in asked_here if re.search(of, sql))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {rows}")
        return "\n".join(line for (line,) in cursor.fetchall()).split("SubPlan")[0]
