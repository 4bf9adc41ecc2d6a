"""The filters: each narrows as it says, all state is in the address, and nonsense is refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from accounts_review.models import Case, Workspace
from accounts_review.web.review import decided
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from tests.web.kit import Desk, invited, read, someone, text_of


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    """A reviewer, and a population with one of each kind."""
    desk = Desk(person("reviewer"), workspace)
    read(
        workspace,
        someone("ana", idle=900, display_name="Ana Duval", groups=["readers"]),
        someone("bob", idle=1500, email="bob@elsewhere.example"),
        someone("busy", idle=3),
        someone("boss", permissions=["edit_domain"]),
        someone("odd", joined_at="yesterday", last_seen_at=None),
        invited("guest"),
        groups={"readers": []},
    )
    return desk


@pytest.mark.matrix(fast=5, reason="each filter is a whole page")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"ana", "bob", "guest"}),
        ("verdict=dormant", {"ana", "bob", "guest"}),
        ("verdict=protected", {"boss"}),
        ("verdict=uncertain", {"odd"}),
        ("verdict=active", {"busy"}),
        ("verdict=all", {"ana", "bob", "busy", "boss", "odd", "guest"}),
        ("q=duval", {"ana"}),
        ("q=ELSEWHERE", {"bob"}),
        ("q=b", {"bob", "busy", "boss"}),
        ("q=%25", set()),
        ("segment=never activated", {"guest"}),
        ("group=readers", {"ana"}),
        ("idle=1200", {"bob"}),
        ("idle=0&verdict=dormant", {"ana", "bob", "guest"}),
        ("never_used=on", {"guest"}),
        ("state=open&verdict=protected", {"boss"}),
        ("state=draft", set()),
        ("q=a&segment=everyone else&idle=800&verdict=dormant", {"ana", "bob"}),
        ("sort=username", {"ana", "bob", "guest"}),
        ("dormant_until=9999-12-31&verdict=dormant", {"ana", "bob", "guest"}),
        ("dormant_until=9999-12-30&verdict=dormant", {"ana", "bob", "guest"}),
        ("dormant_since=0001-01-01&dormant_until=0001-01-01", set()),
    ],
)
def test_each_filter_narrows(desk: Desk, query: str, expected: set[str]) -> None:
    assert set(desk.names(f"?{query}")) == expected


def test_never_used_takes_a_hidden_date_for_a_date(desk: Desk) -> None:
    read(
        desk.workspace,
        invited("blank") | {"last_seen_at": "", "last_login_at": ""},
        invited("rejoined") | {"last_login_at": "2019-01-01T00:00:00+00:00"},
        invited("liar") | {"display_name": '"last_seen_at": "2020-01-01T00:00:00Z"'},
        invited("zero") | {"last_seen_at": 0},
    )

    assert set(desk.names("?never_used=on")) == {"guest", "blank", "liar"}


def test_states(desk: Desk, person: Callable[[str], User]) -> None:
    accounts = {account.username: account for account in desk.workspace.accounts.all()}
    decide.approve(accounts=[accounts["bob"]], actor=desk.user, reason="", now=now())
    draft = desk.workspace.cleanups.get()
    launch.launch(cleanup=draft, actor=person("operator"), now=now())
    decide.approve(accounts=[accounts["ana"]], actor=desk.user, reason="", now=now())
    decide.exempt(
        accounts=[accounts["guest"]], actor=desk.user, reason="soon", until=now() + timedelta(days=9), now=now()
    )

    assert desk.names("?state=draft") == ["ana"]
    assert desk.names("?state=running") == ["bob"]
    assert desk.names("?state=exempt") == ["guest"]
    assert set(desk.names("?state=open")) == {"busy", "boss", "odd"}
    assert desk.names() == []
    assert "in draft" in text_of(desk.see("?state=draft"))
    assert desk.counts("?state=draft") == {"dormant": 1, "uncertain": 0, "protected": 0, "active": 0, "all": 1}
    assert Case.objects.count() == 2


def test_the_tabs_count_under_the_other_filters(desk: Desk) -> None:
    assert desk.counts("?q=b") == {"dormant": 1, "uncertain": 0, "protected": 1, "active": 1, "all": 3}
    assert desk.counts("?verdict=dormant&idle=1200") == {
        "dormant": 1,
        "uncertain": 0,
        "protected": 0,
        "active": 0,
        "all": 1,
    }


@pytest.mark.parametrize("tab", ["dormant", "uncertain", "protected", "active", "all"])
def test_a_tab_leads_to_as_many_as_it_says(desk: Desk, tab: str) -> None:
    found = {item.verdict: item for item in desk.see("?q=b&state=open").context["tabs"]}[tab]

    assert len(desk.names(f"?{found.query}")) == found.count


def test_a_chip_shows_a_filter_and_leads_to_the_rest(desk: Desk) -> None:
    chips = desk.see("?q=ana&idle=10&never_used=on&group=readers&verdict=all").context["chips"]

    assert [chip.label for chip in chips] == [
        "“ana”",
        "Group: Title of readers",
        "idle longer than 10 days",
        "never used",
    ]
    assert chips[0].query == "verdict=all&group=readers&idle=10&never_used=on"


def test_removing_the_last_filter_shows_everybody(desk: Desk) -> None:
    (chip,) = desk.see("?q=ana").context["chips"]

    assert chip.query == "verdict=all"


@pytest.mark.matrix(fast=2, reason="each filter is a whole page")
@pytest.mark.parametrize(
    "query", ["idle=-1", "idle=many", "idle=99999999999", "verdict=rich", "state=lost", "segment=none", "q=%00"]
)
def test_nonsense_lists_nobody_and_says_why(desk: Desk, query: str) -> None:
    answer = desk.see(f"?{query}")

    assert answer.status_code == 200
    assert "A filter is not valid" in text_of(answer)
    assert desk.names(f"?{query}") == []


def test_nonsense_exports_nothing(desk: Desk) -> None:
    answer = desk.client.get(desk.url("export", "?idle=many"))

    assert answer["Location"] == desk.url("review", "?idle=many")


def test_the_counts_follow_each_decision_where_very_many_are_decided_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decided, "FEW", 0)
    accounts = {account.username: account for account in desk.workspace.accounts.all()}
    for left, username in ((2, "ana"), (1, "bob")):
        until = now() + timedelta(days=9)
        decide.exempt(accounts=[accounts[username]], actor=desk.user, reason="away", until=until, now=now())

        assert desk.counts("?state=open")["dormant"] == left
