"""All that match, over all pages, decided at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from accounts_review.models import Account, Case, Exemption, Workspace
from accounts_review.rules.lifecycle import CaseState
from accounts_review.web.review import selection
from tests.web.kit import Desk, in_days, read, someone, text_of

NEXT_MONTH = in_days(30).isoformat()


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    return Desk(person("reviewer"), workspace)


@pytest.fixture
def people(desk: Desk) -> list[Account]:
    return read(desk.workspace, someone("ana"), someone("bob"), someone("cyd"))


def in_draft() -> set[str]:
    return set(Case.objects.filter(state=CaseState.IN_DRAFT).values_list("account__username", flat=True))


def test_all_that_match_are_approved_over_all_pages(desk: Desk) -> None:
    read(desk.workspace, *(someone(f"n{number:02}") for number in range(40)), someone("busy", idle=1))

    answer = desk.decide("approve", **desk.everyone("?q=n"), follow=True)

    assert len(in_draft()) == 40
    assert "40 approved. 40 in the draft." in text_of(answer)


def test_all_that_match_skips_who_cannot_be_approved(desk: Desk, people: list[Account]) -> None:
    read(desk.workspace, *(someone(f"boss{n:02}", permissions=["edit_domain"]) for n in range(11)))

    said = text_of(desk.decide("approve", **desk.everyone("?verdict=all"), follow=True))

    assert in_draft() == {"ana", "bob", "cyd"}
    assert "3 approved. 3 in the draft." in said
    assert "11 accounts were skipped:" in said
    assert "boss00: it is protected" in said
    assert "and 1 more" in said


def test_where_none_that_match_can_be_approved_it_is_refused(desk: Desk) -> None:
    read(desk.workspace, someone("boss", permissions=["edit_domain"]))

    answer = desk.decide("approve", **desk.everyone("?verdict=protected"))

    assert answer.status_code == 409
    assert "boss: it is protected" in text_of(answer)


def test_all_that_match_can_be_exempted(desk: Desk, people: list[Account]) -> None:
    desk.decide("exempt", reason="Merger", until=NEXT_MONTH, **desk.everyone("?q=ville"))

    assert Exemption.objects.count() == 3


@pytest.mark.parametrize("htmx", [False, True])
def test_a_list_that_grew_is_refused(desk: Desk, people: list[Account], htmx: bool) -> None:
    fields = desk.everyone("?verdict=dormant")
    read(desk.workspace, someone("dan"))

    answer = desk.decide("approve", htmx=htmx, **fields)

    assert answer.status_code == 409
    assert "4 accounts match now, not 3." in text_of(answer)
    assert in_draft() == set()


def test_a_list_with_others_in_it_is_refused(desk: Desk, people: list[Account]) -> None:
    fields = desk.everyone("?verdict=dormant")
    Account.objects.filter(pk=people[0].pk).update(absent_since=now())
    read(desk.workspace, someone("dan"))

    answer = desk.decide("approve", **fields)

    assert answer.status_code == 409
    assert "Different accounts match now." in text_of(answer)
    assert in_draft() == set()


@pytest.mark.parametrize(
    "change", [{"expected": 2}, {"expected": ""}, {"digest": ""}, {"digest": "0" * 64}, {"filter": "idle=x"}]
)
def test_a_forged_whole_is_refused(desk: Desk, people: list[Account], change: dict[str, Any]) -> None:
    answer = desk.decide("approve", **(desk.everyone("?verdict=dormant") | change))

    assert answer.status_code == 409
    assert in_draft() == set()


def test_an_empty_filter_means_the_default_view_not_everybody(desk: Desk, people: list[Account]) -> None:
    read(desk.workspace, someone("busy", idle=1))

    desk.decide(
        "exempt", reason="x", until=NEXT_MONTH, **(desk.everyone("?verdict=dormant&state=open") | {"filter": ""})
    )

    assert set(Exemption.objects.values_list("account__username", flat=True)) == {"ana", "bob", "cyd"}


def test_too_many_are_not_decided_at_once(desk: Desk, people: list[Account], monkeypatch: pytest.MonkeyPatch) -> None:
    fields = desk.everyone("?verdict=dormant")
    monkeypatch.setattr(selection, "MOST_AT_ONCE", 2)

    answer = desk.decide("approve", **fields)

    assert answer.status_code == 409
    assert "Too many accounts to decide at once." in text_of(answer)
    assert desk.see("?verdict=dormant&scope=all").context["everyone"] is None


def test_the_whole_is_offered_where_there_are_more_pages(desk: Desk) -> None:
    read(desk.workspace, *(someone(f"n{number:02}") for number in range(30)))

    assert "Select all 30 that match" in text_of(desk.see("?per_page=25"))
    chosen = text_of(desk.see("?scope=all"))
    assert "All 30 accounts that match are selected." in chosen
    assert "checked disabled" in chosen
